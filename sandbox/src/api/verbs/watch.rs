//! Watches a collection: sends the current state if it is asked for, and then each change as one line of JSON.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::selector::Selector;
use crate::api::clients::table;
use crate::api::failure::ApiFailure;
use crate::api::http::answer::{ApiAnswer, append, partial, row_object, shown};
use crate::api::http::request::{Call, Form};
use crate::api::http::target::Target;
use crate::api::kinds::kind::{Kind, View};
use crate::api::object::{meta, meta_mut};
use crate::api::store::objects::{Change, Effect};
use crate::api::store::state::State;

/// How long after a version without an event a bookmark is sent for it.
const BOOKMARK_EVERY: Duration = Duration::from_secs(1);

/// The longest time between two bookmarks.
const BOOKMARK_AT_LEAST: Duration = Duration::from_mins(1);

/// How long before its end a watch sends a last bookmark.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);

/// The maximum duration of a watch in seconds.
const LONGEST: u64 = 86_400;

/// The objects that a watch selects, and the form of its events.
struct Subject {
    kind: Arc<Kind>,
    namespace: String,
    selector: Selector,
    form: Form,
    call: Call,
}

/// A running watch.
struct Watching {
    state: Arc<State>,
    subject: Subject,
    /// All changes up to this version have been sent.
    version: u64,
    ticks: watch::Receiver<u64>,
    epoch: watch::Receiver<u64>,
    deadline: Instant,
    /// When the next bookmark may be sent; None if the client wants none.
    bookmark: Option<Instant>,
    /// The version of the last bookmark, and when it was sent.
    marked: u64,
    marked_at: Instant,
    /// The lines that are ready to be sent.
    pending: Vec<u8>,
    /// Whether the column headers of a table have been sent.
    headed: bool,
    ended: bool,
}

/// GET of a collection with `watch=true`.
pub(crate) fn open(
    state: &Arc<State>,
    call: Call,
    kind: &Arc<Kind>,
    target: &Target,
) -> Result<ApiAnswer, ApiFailure> {
    let form = call.form()?;
    let query = &call.query;
    let selector = Selector::parse(kind, query.get("labelSelector"), query.get("fieldSelector"))?;
    let streaming = query.is_true("sendInitialEvents");
    let asked = query.resource_version()?.unwrap_or(0);
    let seconds =
        query.number("timeoutSeconds")?.filter(|s| *s > 0).unwrap_or_else(|| fastrand::u64(1800..3600));
    let quiet = query.find("sendInitialEvents").is_some() && !streaming;
    let bookmark = query.is_true("allowWatchBookmarks").then(|| Instant::now() + BOOKMARK_EVERY);
    let (ticks, epoch) = (state.store.subscribe(&kind.resource), state.watch_epoch.subscribe());
    let deadline = Instant::now() + Duration::from_secs(seconds.min(LONGEST));
    let subject =
        Subject { kind: Arc::clone(kind), namespace: target.namespace.clone(), selector, form, call };
    let mut watching = Watching {
        state: Arc::clone(state),
        subject,
        version: asked,
        ticks,
        epoch,
        deadline,
        bookmark,
        marked: 0,
        marked_at: Instant::now(),
        pending: Vec::new(),
        headed: false,
        ended: false,
    };
    if asked == 0 && quiet {
        watching.version = state.store.version();
    } else if streaming || asked == 0 {
        watching.tell_state()?;
    }
    if streaming && watching.bookmark.is_some() {
        watching.mark(&json!({"k8s.io/initial-events-end": "true"}));
    }
    let events = stream::unfold(watching, Watching::next);
    let mut answer = ApiAnswer::bytes(200, "application/json", Bytes::new());
    answer.body = StreamBody::new(events).boxed_unsync();
    Ok(answer)
}

/// Whether a bookmark is due: soon after a version without an event, at least once a minute, and shortly before the
/// end.
fn is_bookmark_due(is_news: bool, silence: Duration, left: Duration) -> bool {
    is_news || silence >= BOOKMARK_AT_LEAST || (left <= BOOKMARK_BEFORE_END && silence > BOOKMARK_BEFORE_END)
}

impl Watching {
    /// Sends every object that exists as added.
    fn tell_state(&mut self) -> Result<(), ApiFailure> {
        let subject = &self.subject;
        let listed = self.state.store.list(&subject.kind.resource, &subject.namespace, None, None);
        let (objects, version) = listed.map_err(|_| ApiFailure::contended())?;
        if self.version > version {
            return Err(ApiFailure::version_too_large(self.version, version));
        }
        for object in objects.iter().filter(|object| subject.selector.matches(object)) {
            subject.line(&mut self.pending, &mut self.headed, "ADDED", object);
        }
        self.version = version;
        Ok(())
    }

    /// The next part of the stream: everything that has happened since the last one.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Self)> {
        loop {
            if !self.pending.is_empty() {
                let chunk = Bytes::from(std::mem::take(&mut self.pending));
                return Some((Ok(Frame::data(chunk)), self));
            }
            if self.ended {
                return None;
            }
            self.ticks.borrow_and_update();
            self.catch_up();
            if !self.pending.is_empty() {
                continue;
            }
            let bookmark = self.bookmark.unwrap_or(self.deadline);
            tokio::select! {
                changed = self.ticks.changed() => if changed.is_err() {
                    // The kind is not served any more; its objects went first.
                    self.catch_up();
                    self.ended = true;
                },
                _ = self.epoch.changed() => self.ended = true,
                () = sleep_until(self.deadline) => self.ended = true,
                () = sleep_until(bookmark), if self.bookmark.is_some() => {
                    self.catch_up();
                    self.bookmark = Some(Instant::now() + BOOKMARK_EVERY);
                    let left = self.deadline.saturating_duration_since(Instant::now());
                    let due = is_bookmark_due(self.version > self.marked, self.marked_at.elapsed(), left);
                    if due && self.pending.is_empty() {
                        self.mark(&Value::Null);
                    }
                }
            }
        }
    }

    /// Adds the changes since the last call to `pending`.
    fn catch_up(&mut self) {
        match self.state.store.since(&self.subject.kind.resource, self.version) {
            Ok((changes, current)) => {
                for change in changes {
                    self.subject.append_event(&mut self.pending, &mut self.headed, &change);
                }
                self.version = self.version.max(current);
            }
            Err(old) => {
                let message = format!("too old resource version: {} ({})", self.version, old.0);
                line(&mut self.pending, "ERROR", &ApiFailure::expired(message).to_json());
                self.ended = true;
            }
        }
    }

    fn mark(&mut self, annotations: &Value) {
        let kind = &self.subject.kind;
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if !annotations.is_null() {
            metadata["annotations"] = annotations.clone();
        }
        let object = match self.subject.form {
            Form::Object => {
                json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": metadata})
            }
            Form::Metadata => partial(&json!({"metadata": metadata})),
            Form::Table => table::table(&kind.columns, false, &[], &metadata),
        };
        line(&mut self.pending, "BOOKMARK", &object);
        self.marked = self.version;
        self.marked_at = Instant::now();
    }
}

impl Subject {
    /// Adds the event of a change for this watch: an object that becomes selected is added, and one that is no longer
    /// selected is deleted.
    fn append_event(&self, out: &mut Vec<u8>, headed: &mut bool, change: &Change) {
        if !self.namespace.is_empty() && change.key.0 != self.namespace {
            return;
        }
        let before = change.before.as_deref().filter(|before| self.selector.matches(before));
        let after = change.effect != Effect::Deleted && self.selector.matches(&change.object);
        match (before, after) {
            (None, false) => {}
            (None, true) if change.effect == Effect::Modified => {
                self.line(out, headed, "ADDED", &change.object);
            }
            (Some(before), false) if change.effect == Effect::Modified => {
                let mut gone = before.clone();
                meta_mut(&mut gone).insert("resourceVersion".into(), change.version.to_string().into());
                self.line(out, headed, "DELETED", &gone);
            }
            (None | Some(_), _) => self.line_of(out, headed, change),
        }
    }

    /// The line of a change. It is encoded once for all watches that show the stored form.
    fn line_of(&self, out: &mut Vec<u8>, headed: &mut bool, change: &Change) {
        let name = match change.effect {
            Effect::Added => "ADDED",
            Effect::Modified => "MODIFIED",
            Effect::Deleted => "DELETED",
        };
        let stored_form = self.kind.view == View::Stored && self.kind.stored_as == self.kind.api_version();
        if self.form != Form::Object || !stored_form {
            self.line(out, headed, name, &change.object);
            return;
        }
        let bytes = change.line.get_or_init(|| {
            let mut bytes = Vec::new();
            line(&mut bytes, name, &change.object);
            bytes.into()
        });
        out.extend_from_slice(bytes);
    }

    fn line(&self, out: &mut Vec<u8>, headed: &mut bool, name: &str, stored: &Value) {
        let object = shown(&self.kind, stored);
        match self.form {
            Form::Object => line(out, name, &object),
            Form::Metadata => line(out, name, &partial(&object)),
            Form::Table => {
                let metadata = json!({"resourceVersion": meta(stored, "resourceVersion")});
                let rows = [(stored, row_object(&self.call, &object))];
                line(out, name, &table::table(&self.kind.columns, !*headed, &rows, &metadata));
                *headed = true;
            }
        }
    }
}

fn line(out: &mut Vec<u8>, name: &str, object: &Value) {
    out.extend_from_slice(format!("{{\"type\":\"{name}\",\"object\":").as_bytes());
    append(out, object);
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_tell_news_soon_and_nothing_new_once_a_minute_and_before_the_end() {
        let seconds = Duration::from_secs;
        for (is_news, silence, left, due) in [
            (true, 1, 100, true),
            (false, 1, 100, false),
            (false, 60, 100, true),
            (false, 58, 2, true),
            (false, 1, 1, false),
        ] {
            assert_eq!(is_bookmark_due(is_news, seconds(silence), seconds(left)), due, "{silence} s");
        }
    }
}
