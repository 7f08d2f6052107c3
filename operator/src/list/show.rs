//! The rows as a table or as data.

use jiff::Timestamp;
use model::words::Words;
use serde::Serialize;

use super::row::Row;
use super::waits::Waits;
use crate::arguments::{ListArgs, ListForm};
use crate::text::age::{age, since};
use crate::text::paint::{Paint, Tone};
use crate::text::table::{Cell, Table};

/// What is not known, and what is not there.
const UNKNOWN: &str = "?";
const NOTHING: &str = "-";
/// The most characters of an error in a row.
const LONGEST: usize = 40;
const LONGEST_WIDE: usize = 120;

/// How rows are shown.
#[derive(Debug)]
pub struct Shown {
    form: Form,
    paint: Paint,
}

#[derive(Debug)]
enum Form {
    Table { table: Table, columns: Columns },
    Json,
    Yaml,
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    namespace: bool,
    wide: bool,
}

#[derive(Serialize)]
struct List<'a> {
    snapshots: &'a [Row],
}

impl Shown {
    /// The columns get the width that these rows need.
    pub fn new(args: &ListArgs, paint: Paint, rows: &[Row], now: Timestamp) -> Self {
        let wide = match args.output {
            Some(ListForm::Json) => return Self { form: Form::Json, paint },
            Some(ListForm::Yaml) => return Self { form: Form::Yaml, paint },
            Some(ListForm::Wide) => true,
            None => false,
        };
        let columns = Columns { namespace: args.all_namespaces, wide };
        let mut table = Table::new(&headings(columns));
        for row in rows {
            table.widen(&cells(row, columns, now));
        }
        if let Some(row) = rows.first().filter(|_| args.watch) {
            // Room for what the rows may say later.
            let later = Row { is_deleting: true, waits_for: Some(Waits::Controller), ..row.clone() };
            table.widen(&cells(&later, columns, now));
        }
        Self { form: Form::Table { table, columns }, paint }
    }

    /// All rows as one text.
    ///
    /// # Errors
    /// They cannot be written as data.
    pub fn all(&self, rows: &[Row], now: Timestamp) -> anyhow::Result<String> {
        Ok(match &self.form {
            Form::Table { .. } if rows.is_empty() => String::new(),
            Form::Table { .. } => self.each(rows, now)?,
            Form::Json => serde_json::to_string_pretty(&List { snapshots: rows })? + "\n",
            Form::Yaml => serde_saphyr::to_string(&List { snapshots: rows })?,
        })
    }

    /// Each row as a text of its own, the headings before them.
    ///
    /// # Errors
    /// They cannot be written as data.
    pub fn each(&self, rows: &[Row], now: Timestamp) -> anyhow::Result<String> {
        let mut text = match &self.form {
            Form::Table { table, .. } => table.heading(self.paint),
            Form::Json | Form::Yaml => String::new(),
        };
        for row in rows {
            text.push_str(&self.one(row, now)?);
        }
        Ok(text)
    }

    /// One row: a line, or a document.
    ///
    /// # Errors
    /// It cannot be written as data.
    pub fn one(&self, row: &Row, now: Timestamp) -> anyhow::Result<String> {
        Ok(match &self.form {
            Form::Table { table, columns } => table.line(&cells(row, *columns, now), self.paint),
            Form::Json => serde_json::to_string(row)? + "\n",
            Form::Yaml => format!("---\n{}", serde_saphyr::to_string(row)?),
        })
    }
}

fn headings(columns: Columns) -> Vec<&'static str> {
    let all = [
        (columns.namespace, "NAMESPACE"),
        (true, "NAME"),
        (true, "READY"),
        (true, "TIME TO READY"),
        (true, "WAITS FOR"),
        (true, "LAST ERROR"),
        (true, "ERROR AGE"),
        (true, "RESTORES"),
        (true, "SIZE"),
        (columns.wide, "CLASS"),
        (columns.wide, "DRIVER"),
        (columns.wide, "CONTENT"),
        (columns.wide, "HANDLE"),
        (true, "AGE"),
    ];
    all.into_iter().filter(|(is_shown, _)| *is_shown).map(|(_, heading)| heading).collect()
}

fn cells(row: &Row, columns: Columns, now: Timestamp) -> Vec<Cell> {
    let text = |text: &Option<String>| Cell::plain(text.as_deref().unwrap_or(NOTHING));
    let past = |time: Option<Timestamp>, unless: &str| {
        time.map_or_else(|| unless.to_owned(), |time| since(time, now))
    };
    let error_age = match (&row.last_error, row.error_time) {
        (None, _) => NOTHING.to_owned(),
        (Some(_), time) => past(time, UNKNOWN),
    };
    let error = row
        .last_error
        .as_deref()
        .map_or_else(|| NOTHING.to_owned(), |error| shortened(&brief(error), columns.wide));
    let restores = row.restores.map_or_else(|| UNKNOWN.to_owned(), |count| count.to_string());
    let all = [
        (columns.namespace, Cell::plain(&row.namespace)),
        (true, Cell::plain(&row.name)),
        (true, ready(row)),
        (true, Cell::plain(&time_to_ready(row))),
        (true, waits(row)),
        (true, if row.last_error.is_some() { Cell::toned(&error, Tone::Bad) } else { Cell::plain(&error) }),
        (true, Cell::plain(&error_age)),
        (true, Cell::plain(&restores)),
        (true, text(&row.size)),
        (columns.wide, text(&row.class)),
        (columns.wide, text(&row.driver)),
        (columns.wide, text(&row.content)),
        (columns.wide, text(&row.handle)),
        (true, Cell::plain(&past(row.created, UNKNOWN))),
    ];
    all.into_iter().filter(|(is_shown, _)| *is_shown).map(|(_, cell)| cell).collect()
}

fn ready(row: &Row) -> Cell {
    if row.is_gone {
        return Cell::toned("gone", Tone::Odd);
    }
    match (row.is_deleting, row.ready) {
        (true, _) => Cell::toned("deleting", Tone::Odd),
        (false, Some(true)) => Cell::toned("true", Tone::Good),
        (false, Some(false)) => Cell::toned("false", Tone::Odd),
        (false, None) => Cell::toned(NOTHING, Tone::Odd),
    }
}

fn time_to_ready(row: &Row) -> String {
    match (row.ready_within_seconds, row.ready) {
        (Some(seconds), _) => format!("≤{}", age(seconds)),
        (None, Some(true)) => UNKNOWN.to_owned(),
        (None, Some(false) | None) => NOTHING.to_owned(),
    }
}

fn waits(row: &Row) -> Cell {
    row.waits_for.map_or_else(|| Cell::plain(NOTHING), |waits: Waits| Cell::toned(waits.word(), Tone::Odd))
}

/// What matters of an error where there is little room: what the driver answered, and whether that leaves a doubt.
fn brief(error: &str) -> String {
    let words = Words::read(error);
    let doubt = match words.outcome {
        Some(outcome) if !outcome.is_definite() => "in doubt",
        Some(_) | None => "",
    };
    match (words.answer(), doubt) {
        (Some((code, text)), "") => format!("{code}: {text}"),
        (Some((code, text)), doubt) => format!("{code}, {doubt}: {text}"),
        (None, "") => words.problem.to_owned(),
        (None, doubt) => format!("{doubt}: {}", words.problem),
    }
}

/// An error in one line of bounded length.
fn shortened(error: &str, is_wide: bool) -> String {
    let line = error.split_whitespace().collect::<Vec<_>>().join(" ");
    let most = if is_wide { LONGEST_WIDE } else { LONGEST };
    if line.is_empty() {
        return "without a message".to_owned();
    }
    match line.char_indices().nth(most) {
        Some(_) => line.chars().take(most - 1).chain(['…']).collect(),
        None => line,
    }
}
