//! Every metric as a scrape shows it: name, type, labels, buckets.

use std::time::Duration;

use http::{Method, StatusCode};

use csi_snapshotter::metrics::Metrics;

/// A metric.
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) labels: Vec<String>,
    pub(crate) buckets: Vec<String>,
}

/// Every metric there is, in the order of their names.
pub(crate) fn families() -> Vec<Family> {
    let text = String::from_utf8(used().base.text().unwrap()).unwrap();
    let mut families = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let samples: Vec<&str> = text.lines().filter(|line| is_sample(line, name)).collect();
        let names = samples[0].split_once('{').map_or("", |(_, labels)| labels);
        let labels = names.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()));
        let labels = labels.filter(|label| label != "le").collect();
        let le = |sample: &&str| Some(sample.split_once("le=\"")?.1.split_once('"')?.0.to_owned());
        // Those of the first series are those of all.
        let buckets =
            samples.iter().filter_map(le).take_while(|bucket| bucket != "+Inf").map(|le| short(&le));
        families.push(Family {
            name: name.to_owned(),
            kind: kind.to_owned(),
            labels,
            buckets: buckets.collect(),
        });
    }
    families
}

/// A family shows once it has a sample.
fn used() -> Metrics {
    let metrics = Metrics::new().unwrap();
    metrics.csi_call("d", "/csi.v1.Controller/CreateSnapshot", "OK", Duration::ZERO);
    metrics.base.leads("lease", true);
    metrics.base.rest.observe(Some(StatusCode::OK), &Method::GET, "host", Duration::ZERO);
    let queue = metrics.base.work.queue("queue");
    queue.added();
    queue.retried();
    queue.depth(0);
    drop(queue.begin(Duration::ZERO));
    metrics
}

fn is_sample(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| {
        let rest = rest.strip_prefix("_bucket").unwrap_or(rest);
        rest.starts_with(['{', ' '])
    })
}

/// A number without the digits that only binary fractions have.
fn short(number: &str) -> String {
    let number: f64 = number.parse().unwrap();
    if number < 1e-3 { format!("{number:.0e}") } else { format!("{}", (number * 1e6).round() / 1e6) }
}
