//! Which proxy leads to the API server, read from the environment as client-go reads it.
//!
//! The library's own rules differ: in a cluster it ignores the environment, and it compares `NO_PROXY` with the
//! address of the proxy instead of the server's. So ours apply in both cases:
//! - a `proxy-url` in the kubeconfig wins, whatever `NO_PROXY` says;
//! - else `HTTPS_PROXY` (or `https_proxy`) for a server with https; nothing for one with plain http;
//! - never for `localhost` and loopback addresses, nor for what `NO_PROXY` (or `no_proxy`) names: `*`, host names
//!   (with their subdomains; with a leading dot only these), addresses, CIDR ranges, each but the last with an optional port.

use std::net::IpAddr;

use http::Uri;

/// A proxy setting that is no address.
/// The setting itself is never repeated, it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum BadProxy {
    /// It does not parse.
    #[error("HTTPS_PROXY is not the address of a proxy")]
    Unparsable(#[source] http::uri::InvalidUri),
    /// It is of another sort than those we speak.
    #[error("the proxy has the scheme {0:?}; http, https and socks5 are supported")]
    Scheme(String),
}

/// What the environment says.
#[derive(Debug)]
pub(super) struct Found {
    /// The proxy, if there is one; an error if the variable is set and cannot be used.
    pub(super) proxy: Result<Option<Uri>, BadProxy>,
    /// How many entries of `NO_PROXY` name nothing that could be a server.
    pub(super) ignored: usize,
}

/// The proxy for a server, as the variables in `env` say.
pub(super) fn proxy_for(server: &Uri, env: impl Fn(&str) -> Option<String>) -> Found {
    let mut ignored = 0;
    let proxy = look_up(server, env, &mut ignored);
    Found { proxy, ignored }
}

fn look_up(
    server: &Uri,
    env: impl Fn(&str) -> Option<String>,
    ignored: &mut usize,
) -> Result<Option<Uri>, BadProxy> {
    let set = |names: [&str; 2]| {
        let values = names.into_iter().filter_map(&env);
        values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
    };
    let Some(host) = server.host() else {
        return Ok(None);
    };
    if server.scheme_str() != Some("https") {
        return Ok(None);
    }
    let Some(proxy) = set(["HTTPS_PROXY", "https_proxy"]) else {
        return Ok(None);
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(443);
    let excepted = set(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    *ignored = excepted.split(',').filter(|entry| names_nothing(entry.trim())).count();
    if is_local(&host) || excepted.split(',').any(|entry| excepts(entry, &host, port)) {
        return Ok(None);
    }
    let proxy = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    let proxy = proxy.parse().map_err(BadProxy::Unparsable)?;
    usable(&proxy)?;
    Ok(Some(proxy))
}

/// # Errors
/// [`BadProxy::Scheme`] unless a proxy is one of those that we speak to.
pub(super) fn usable(proxy: &Uri) -> Result<(), BadProxy> {
    match proxy.scheme_str() {
        Some("http" | "https" | "socks5" | "socks5h") => Ok(()),
        other => Err(BadProxy::Scheme(other.unwrap_or_default().to_owned())),
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an entry of `NO_PROXY` names the server.
fn excepts(entry: &str, host: &str, port: u16) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/') {
        return within(host, network, length).unwrap_or(false);
    }
    let (name, only_port) = split_port(&entry);
    if only_port.is_some_and(|only| only != port) || name.is_empty() {
        return false;
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        return host.parse() == Ok(address);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(parent) => is_below(host, parent),
        None => host == name || is_below(host, name),
    }
}

/// An entry with a slash that is no range of addresses, such as the path of a socket.
fn names_nothing(entry: &str) -> bool {
    let range = |(network, length): (&str, &str)| {
        network.parse::<IpAddr>().is_ok_and(|address| {
            length.parse::<u32>().is_ok_and(|length| length <= if address.is_ipv4() { 32 } else { 128 })
        })
    };
    entry.split_once('/').is_some_and(|parts| !range(parts))
}

fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// An entry and its port; an IPv6 address has one only in brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn within(host: &str, network: &str, length: &str) -> Option<bool> {
    let (host, network): (IpAddr, IpAddr) = (host.parse().ok()?, network.parse().ok()?);
    let length: u32 = length.parse().ok()?;
    let (a, b, bits) = match (host, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32_u32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return Some(false),
    };
    let rest = bits.checked_sub(length)?;
    Some((a ^ b).checked_shr(rest).unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(server: &str, no_proxy: &str) -> bool {
        let env = |name: &str| match name {
            "https_proxy" => Some("proxy.example.com:3128".to_owned()),
            "NO_PROXY" => Some(no_proxy.to_owned()),
            _ => None,
        };
        proxy_for(&server.parse().unwrap(), env).proxy.unwrap().is_some()
    }

    #[test]
    fn a_proxy_without_a_scheme_is_an_http_proxy() {
        let env = |name: &str| (name == "HTTPS_PROXY").then(|| "proxy.example.com:3128".to_owned());
        let proxy = proxy_for(&"https://10.0.0.1".parse().unwrap(), env).proxy.unwrap().unwrap();
        assert_eq!(proxy, "http://proxy.example.com:3128/");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
        for proxy in ["ftp://u:hunter2@proxy:1080", "http://u:hunter2@ /"] {
            let env = |_: &str| Some(proxy.to_owned());
            let error = proxy_for(&"https://10.0.0.1".parse().unwrap(), |name| {
                env(name).filter(|_| name == "HTTPS_PROXY")
            })
            .proxy
            .unwrap_err();
            assert!(!crate::cluster::error::in_one_line(&error).contains("hunter2"));
        }
    }

    #[test]
    fn what_charts_put_into_no_proxy_is_read_and_what_names_no_server_is_counted() {
        let value = "localhost,.svc,.cluster.local,/var/run/dockershim.sock, 192.0.2.0/24,";
        let env = |name: &str| match name {
            "HTTPS_PROXY" => Some("http://proxy:3128".to_owned()),
            "NO_PROXY" => Some(value.to_owned()),
            _ => None,
        };
        let found = |server: &str| proxy_for(&server.parse().unwrap(), env);
        assert_eq!(found("https://192.0.2.7:6443").proxy.unwrap(), None);
        assert_eq!(found("https://192.0.2.7:6443").ignored, 1);
        assert!(found("https://198.51.100.7:6443").proxy.unwrap().is_some());
        assert_eq!(found("https://kubernetes.default.svc").proxy.unwrap(), None);
    }

    #[test]
    fn no_variable_no_proxy() {
        assert_eq!(proxy_for(&"https://10.0.0.1".parse().unwrap(), |_| None).proxy.unwrap(), None);
    }

    #[test]
    fn plain_http_and_loopback_are_never_proxied() {
        for server in ["http://10.0.0.1", "https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]"]
        {
            assert!(!proxied(server, ""), "{server}");
        }
    }

    #[test]
    fn no_proxy_excepts_as_go_does() {
        for (server, no_proxy, expected) in [
            ("https://10.96.0.1:443", "10.96.0.0/12,.svc", false),
            ("https://10.112.0.1:443", "10.96.0.0/12", true),
            ("https://10.96.0.1", "0.0.0.0/0", false),
            ("https://[fd00::1]", "fd00::/8", false),
            ("https://[fd00::1]", "10.0.0.0/8,::/x,/,1/99", true),
            ("https://10.96.0.1", " 10.96.0.1 ", false),
            ("https://10.96.0.1:6443", "10.96.0.1:443", true),
            ("https://10.96.0.1:6443", "10.96.0.1:6443", false),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", false),
            ("https://kubernetes.default.svc", ".svc", false),
            ("https://kubernetes.default.svc", "svc", false),
            ("https://kubernetes.default.svc", "*.default.svc", false),
            ("https://api.example.com", "example.com", false),
            ("https://example.com", "example.com", false),
            ("https://example.com", ".example.com", true),
            ("https://notexample.com", "example.com", true),
            ("https://API.Example.Com", "api.EXAMPLE.com", false),
            ("https://example.com", "*", false),
            ("https://example.com", ",,", true),
        ] {
            assert_eq!(proxied(server, no_proxy), expected, "{server} with {no_proxy}");
        }
    }
}
