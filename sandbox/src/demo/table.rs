//! Prints objects as `kubectl get` prints them: the server computes the columns, and this pads them.

use http::Request;
use http::header::ACCEPT;
use serde_json::Value;

use crate::objects::Kind;
use crate::place::Place;

/// The form that kubectl asks for.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// The spaces between two columns, and the least width of a column with them.
const PADDING: usize = 3;
const LEAST: usize = 6;

/// What `kubectl get` prints of the object with this name, or of all objects of the kind.
///
/// # Errors
/// If the server does not answer with a table.
pub(super) async fn get(place: &Place, kind: Kind, name: Option<&str>) -> anyhow::Result<Vec<String>> {
    let path = name.map_or_else(|| kind.path(), |name| format!("{}/{name}", kind.path()));
    let request = Request::get(path).header(ACCEPT, TABLE).body(Vec::new())?;
    let table: Value = place.client.request(request).await?;
    Ok(lines(&table))
}

fn lines(table: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let columns = list(&table["columnDefinitions"]);
    let shown: Vec<usize> = (0..columns.len()).filter(|at| columns[*at]["priority"] == 0).collect();
    let heads = shown.iter().map(|at| text(&columns[*at]["name"]).to_uppercase()).collect();
    let cells = list(&table["rows"]).into_iter().map(|row| list(&row["cells"]));
    let mut rows: Vec<Vec<String>> = vec![heads];
    rows.extend(
        cells.map(|cells| shown.iter().map(|at| cells.get(*at).map(text).unwrap_or_default()).collect()),
    );
    let width =
        |at: usize| rows.iter().map(|row| row[at].chars().count() + PADDING).max().unwrap_or_default();
    let widths: Vec<usize> = (0..shown.len()).map(|at| width(at).max(LEAST)).collect();
    let line = |row: &Vec<String>| {
        let padded: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.concat().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn text(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_kubectl_makes_them_and_wide_ones_are_left_out() {
        let column = |name: &str, priority: i64| json!({"name": name, "priority": priority});
        let table = json!({
            "columnDefinitions": [column("Name", 0), column("ReadyToUse", 0), column("Detail", 1), column("Age", 0)],
            "rows": [{"cells": ["a-long-name", true, "x", "3s"]}, {"cells": ["b", null, "y", "10m"]}],
        });
        let expected = [
            "NAME          READYTOUSE   AGE",
            "a-long-name   true         3s",
            "b                          10m",
        ];
        assert_eq!(lines(&table), expected);
    }
}
