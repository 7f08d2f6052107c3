//! Certificates of servers that are trusted, and that are not.

use std::net::Ipv4Addr;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};

use super::*;

fn address() -> ServerName<'static> {
    ServerName::IpAddress(Ipv4Addr::new(192, 0, 2, 1).into())
}

/// What the certificate of a server says of itself.
fn server(is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["api.example.com".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::new(192, 0, 2, 1).into()));
    params.is_ca = is_ca;
    params
}

fn ca() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

fn self_signed(params: &CertificateParams) -> CertificateDer<'static> {
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn verified(
    trusted: &CertificateDer<'_>,
    shown: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), Error> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = Authority::new(vec![trusted.to_vec()], None).unwrap();
    authority.verify_server_cert(shown, &[], name, &[], UnixTime::now()).map(drop)
}

#[test]
fn a_server_whose_own_certificate_is_trusted_is_known_whether_it_is_marked_as_an_authority_or_not() {
    for is_ca in [ca(), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let own = self_signed(&server(is_ca));
        verified(&own, &own, &address()).unwrap();
        verified(&own, &own, &"api.example.com".try_into().unwrap()).unwrap();
    }
}

#[test]
fn its_name_and_its_time_are_checked_all_the_same() {
    let own = self_signed(&server(ca()));
    let other = verified(&own, &own, &"other.example.com".try_into().unwrap()).unwrap_err();
    assert!(other.to_string().contains("not valid for name"), "{other}");
    let mut old = server(ca());
    (old.not_before, old.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let old = self_signed(&old);
    let expired = verified(&old, &old, &address()).unwrap_err();
    assert!(expired.to_string().contains("expired"), "{expired}");
}

#[test]
fn another_certificate_that_is_marked_as_an_authority_is_not_known() {
    let (own, another) = (self_signed(&server(ca())), self_signed(&server(ca())));
    verified(&own, &another, &address()).unwrap_err();
}

#[test]
fn a_chain_to_an_authority_is_known_as_before() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = ca();
    let root = params.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(params, key);
    let leaf = server(IsCa::NoCa).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    verified(&root, leaf.der(), &address()).unwrap();
}

#[test]
fn a_trusted_certificate_needs_no_trusted_issuer_and_its_name_and_its_time_are_checked() {
    let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::new(Vec::new()).unwrap());
    params.is_ca = ca();
    params.distinguished_name.push(DnType::CommonName, "an authority that is not trusted");
    let issuer = Issuer::new(params, key);
    let signed = |params: CertificateParams| {
        params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
    };
    let leaf = signed(server(IsCa::NoCa));
    verified(&leaf, &leaf, &address()).unwrap();
    verified(&leaf, &leaf, &"other.example.com".try_into().unwrap()).unwrap_err();
    verified(&leaf, &signed(server(IsCa::NoCa)), &address()).unwrap_err();
    let mut old = server(IsCa::NoCa);
    (old.not_before, old.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let old = signed(old);
    let expired = verified(&old, &old, &address()).unwrap_err();
    assert!(expired.to_string().contains("expired"), "{expired}");
}

#[test]
fn a_file_is_read_again_and_what_was_trusted_stays_while_it_cannot_be() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ca.crt");
    let (first, second) = (self_signed(&server(ca())), self_signed(&server(ca())));
    let authority = Authority::new(vec![first.to_vec()], Some(file.clone())).unwrap();
    let known = |shown: &CertificateDer<'_>| {
        authority.known.write().unwrap().1 = Instant::now().checked_sub(READ_AGAIN).unwrap();
        authority.verify_server_cert(shown, &[], &address(), &[], UnixTime::now()).is_ok()
    };
    assert!(known(&first), "there is no file");
    let pem = "-----BEGIN CERTIFICATE-----\n".to_owned() + &base64(&second) + "\n-----END CERTIFICATE-----\n";
    std::fs::write(&file, pem).unwrap();
    assert!(known(&second) && !known(&first));
}

fn base64(bytes: &[u8]) -> String {
    serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap().as_str().unwrap().to_owned()
}
