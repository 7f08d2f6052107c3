//! A bearer token from a file, such as a service account's: trimmed, and reread because Kubernetes rotates it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::error::in_one_line;
use crate::repeat::Repeat;

/// The age at which the file is reread before the token is used.
const FRESH: Duration = Duration::from_secs(10);

/// Why a file gives no token. Its content is never quoted.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    #[error("cannot read the token file {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the token file {} is empty", .0.display())]
    Empty(PathBuf),
    /// Several lines, for example.
    #[error("the token file {} holds no token", .0.display())]
    NoToken(PathBuf),
}

/// A token file and its last token.
#[derive(Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    header: HeaderValue,
    read: Instant,
    logged: Repeat,
}

impl TokenFile {
    pub(super) fn open(path: &Path) -> Result<Self, BadToken> {
        let last = Last { header: read(path)?, read: Instant::now(), logged: Repeat::default() };
        Ok(Self { path: path.to_owned(), last: Mutex::new(last) })
    }

    /// The Authorization header for a request that is sent now.
    pub(super) fn header(&self) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.read.elapsed() >= FRESH {
            self.refresh(&mut last);
        }
        last.header.clone()
    }

    /// The header to retry with after `refused` was answered 401; `None` if the file still holds the same token.
    pub(super) fn replacement(&self, refused: &HeaderValue) -> Option<HeaderValue> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut last);
        (last.header != refused).then(|| last.header.clone())
    }

    /// Rereads the file. If that fails, the old token stays, which may be valid for hours.
    fn refresh(&self, last: &mut Last) {
        last.read = Instant::now();
        match read(&self.path) {
            Ok(header) => {
                last.header = header;
                last.logged.forget();
            }
            Err(error) => {
                let problem = in_one_line(&error);
                if last.logged.is_news(&problem) {
                    tracing::warn!(%problem, "going on with the token that was read before");
                }
            }
        }
    }
}

/// Blocks: such a file is small and in memory, so a read takes less time than a hand-over to another thread.
fn read(path: &Path) -> Result<HeaderValue, BadToken> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| BadToken::Unreadable { path: path.to_owned(), cause })?;
    let token = text.trim();
    if token.is_empty() {
        return Err(BadToken::Empty(path.to_owned()));
    }
    let mut header =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| BadToken::NoToken(path.to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::time::advance;

    use super::*;

    /// A token file; the directory is removed with the guard.
    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_trimmed_and_debug_does_not_show_it() {
        let (_guard, path) = file(" hunter2\r\n\n");
        let token = TokenFile::open(&path).unwrap();
        assert_eq!(token.header(), "Bearer hunter2");
        assert!(!format!("{token:?} {:?}", token.header()).contains("hunter2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_reread_after_ten_seconds_and_not_before() {
        let (_guard, path) = file("a");
        let token = TokenFile::open(&path).unwrap();
        fs::write(&path, "b\n").unwrap();
        advance(Duration::from_millis(9_999)).await;
        assert_eq!(token.header(), "Bearer a");
        advance(Duration::from_millis(1)).await;
        assert_eq!(token.header(), "Bearer b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_reread_at_once_and_returned_only_if_it_changed() {
        let (_guard, path) = file("a");
        let token = TokenFile::open(&path).unwrap();
        let refused = token.header();
        assert_eq!(token.replacement(&refused), None);
        fs::write(&path, "b").unwrap();
        assert_eq!(token.replacement(&refused).unwrap(), "Bearer b");
        assert_eq!(token.header(), "Bearer b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_becomes_invalid_keeps_the_old_token() {
        let (_guard, path) = file("a");
        let token = TokenFile::open(&path).unwrap();
        for bad in [Some(""), Some("two\nlines"), None] {
            match bad {
                Some(text) => fs::write(&path, text).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            advance(FRESH).await;
            assert_eq!(token.header(), "Bearer a");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_without_a_token_is_named_and_not_quoted() {
        for (text, expected) in [(" \n", "is empty"), ("hunter2\nhunter2", "holds no token")] {
            let (_guard, path) = file(text);
            let line = in_one_line(&TokenFile::open(&path).unwrap_err());
            assert!(
                line.contains(expected) && line.contains("/token") && !line.contains("hunter2"),
                "{line}"
            );
        }
        let line = in_one_line(&TokenFile::open(Path::new("/nowhere/token")).unwrap_err());
        assert!(line.starts_with("cannot read the token file /nowhere/token: "), "{line}");
    }
}
