//! The lines as text or as data.

use serde::Serialize;

use super::finding::Verdict;
use super::line::{Line, Report};
use crate::arguments::Data;
use crate::text::out::harmless;
use crate::text::paint::{Paint, Tone};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    verdict: Verdict,
    lines: Vec<Shown<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    verdict: Verdict,
    finding: &'static str,
    means: &'static str,
    about: &'a str,
    says: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    remedy: &'static str,
}

/// The whole answer.
///
/// # Errors
/// It cannot be written as data.
pub fn show(report: &Report, form: Option<Data>, paint: Paint) -> anyhow::Result<String> {
    let answer = || Answer { verdict: report.verdict(), lines: report.lines.iter().map(shown).collect() };
    Ok(match form {
        None => text(report, paint),
        Some(Data::Json) => serde_json::to_string_pretty(&answer())? + "\n",
        Some(Data::Yaml) => serde_saphyr::to_string(&answer())?,
    })
}

fn shown(line: &Line) -> Shown<'_> {
    let meaning = line.finding.meaning();
    Shown {
        verdict: meaning.verdict,
        finding: meaning.id,
        means: meaning.means,
        about: &line.about,
        says: &line.says,
        remedy: meaning.remedy,
    }
}

fn text(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for line in &report.lines {
        let meaning = line.finding.meaning();
        let tone = match meaning.verdict {
            Verdict::Ok => Tone::Good,
            Verdict::Warning => Tone::Odd,
            Verdict::Failed => Tone::Bad,
        };
        // Padded before it is coloured, so that the escapes count for nothing.
        let verdict = paint.tone(tone, &format!("{:<9}", meaning.verdict.word()));
        let about = paint.tone(Tone::Strong, &harmless(&line.about));
        let remedy = if meaning.remedy.is_empty() { String::new() } else { format!(". {}.", meaning.remedy) };
        let id = paint.tone(Tone::Faint, &format!("[{}]", meaning.id));
        text.extend([&*verdict, " ", &about, ": ", &harmless(&line.says), &remedy, " ", &id, "\n"]);
    }
    let [failed, warnings, ok] = [Verdict::Failed, Verdict::Warning, Verdict::Ok].map(|it| report.count(it));
    let many = if warnings == 1 { "" } else { "s" };
    text + &format!("{failed} failed, {warnings} warning{many}, {ok} ok\n")
}
