//! The bearer token of a file, as a service account's is: read trimmed, and again when it may have changed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::error::in_one_line;
use crate::repeat::Repeat;

/// A token that was read so long ago is read again before it is used.
const FRESH: Duration = Duration::from_secs(10);

/// Why a file gives no token. What stands in it is never repeated.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// It is not there, or may not be read.
    #[error("cannot read the token file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It holds nothing but white space.
    #[error("the token file {} is empty", .0.display())]
    Empty(PathBuf),
    /// It holds more than one line, or what no header can carry.
    #[error("the token file {} holds no token", .0.display())]
    NoToken(PathBuf),
}

/// A file that holds a token, and the token.
#[derive(Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    header: HeaderValue,
    read: Instant,
    told: Repeat,
}

impl TokenFile {
    /// Reads a file for the first time.
    pub(super) fn open(path: &Path) -> Result<Self, BadToken> {
        let last = Last { header: read(path)?, read: Instant::now(), told: Repeat::default() };
        Ok(Self { path: path.to_owned(), last: Mutex::new(last) })
    }

    /// The value of the header for a request that goes out now.
    pub(super) fn header(&self) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.read.elapsed() >= FRESH {
            self.refresh(&mut last);
        }
        last.header.clone()
    }

    /// The value for a request that was refused with `refused`, if the file by now holds another.
    pub(super) fn another(&self, refused: &HeaderValue) -> Option<HeaderValue> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut last);
        (last.header != refused).then(|| last.header.clone())
    }

    /// A file that cannot be read any more leaves the token that it held: it may be valid for long.
    fn refresh(&self, last: &mut Last) {
        last.read = Instant::now();
        match read(&self.path) {
            Ok(header) => {
                last.header = header;
                last.told.forget();
            }
            Err(error) => {
                let problem = in_one_line(&error);
                if last.told.is_news(&problem) {
                    tracing::warn!(%problem, "going on with the token that was read before");
                }
            }
        }
    }
}

/// Such files are small and in memory: reading one takes less than handing it to another thread.
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

    /// A token file in a directory of its own, which lives as long as the guard.
    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_trimmed_and_its_header_does_not_show() {
        let (_guard, path) = file(" hunter2\r\n\n");
        let token = TokenFile::open(&path).unwrap();
        assert_eq!(token.header(), "Bearer hunter2");
        assert!(!format!("{token:?} {:?}", token.header()).contains("hunter2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_read_again_after_ten_seconds_and_not_before() {
        let (_guard, path) = file("a");
        let token = TokenFile::open(&path).unwrap();
        fs::write(&path, "b\n").unwrap();
        advance(Duration::from_millis(9_999)).await;
        assert_eq!(token.header(), "Bearer a");
        advance(Duration::from_millis(1)).await;
        assert_eq!(token.header(), "Bearer b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_reads_again_at_once_and_gives_only_what_is_new() {
        let (_guard, path) = file("a");
        let token = TokenFile::open(&path).unwrap();
        let refused = token.header();
        assert_eq!(token.another(&refused), None);
        fs::write(&path, "b").unwrap();
        assert_eq!(token.another(&refused).unwrap(), "Bearer b");
        assert_eq!(token.header(), "Bearer b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_goes_bad_leaves_the_token_that_it_held() {
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
