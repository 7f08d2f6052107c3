//! Repairs the error headers of drivers, so that the code and the text of every failure arrive.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tower::Service;

/// The error text, in headers or trailers.
const MESSAGE: &str = "grpc-message";
/// Removed: nothing here reads the details, and tonic panics if they are not base64.
const DETAILS: &str = "grpc-status-details-bin";

/// A channel that repairs headers and trailers.
#[derive(Debug, Clone)]
pub(super) struct Wire(pub Channel);

impl Service<Request<Body>> for Wire {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            repair(response.headers_mut());
            Ok(response.map(|body| Body::new(body.map_frame(repaired))))
        })
    }
}

fn repaired(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            repair(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

/// A text that is not UTF-8, such as one truncated inside a character, would make tonic replace the driver's code by
/// one of its own.
fn repair(headers: &mut HeaderMap) {
    headers.remove(DETAILS);
    let Some(text) = headers.get(MESSAGE) else { return };
    let text = decoded(text.as_bytes());
    if std::str::from_utf8(&text).is_err()
        && let Ok(value) = HeaderValue::try_from(encoded(&String::from_utf8_lossy(&text)))
    {
        headers.insert(MESSAGE, value);
    }
}

/// Percent-decodes, and keeps what is not an encoding.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let coded = after.first_chunk::<2>().filter(|_| *first == b'%');
        let coded = coded.and_then(|[high, low]| Some(hex(*high)? << 4 | hex(*low)?));
        bytes.push(coded.unwrap_or(*first));
        rest = if coded.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-encodes everything but printable ASCII, as gRPC requires.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut line, byte| {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            line.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(line, "%{byte:02X}");
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired_message(message: &'static [u8]) -> Option<HeaderValue> {
        let mut headers = HeaderMap::new();
        headers.insert(DETAILS, HeaderValue::from_static("this is no base64!"));
        headers.insert(MESSAGE, HeaderValue::from_bytes(message).unwrap());
        repair(&mut headers);
        assert!(!headers.contains_key(DETAILS));
        headers.remove(MESSAGE)
    }

    #[test]
    fn only_a_text_that_is_not_utf_8_is_changed() {
        assert_eq!(repaired_message(b"100%25 f%C3%B6r %C3").unwrap(), "100%25 f%C3%B6r %EF%BF%BD");
        assert_eq!(repaired_message(b"bytes \xff as they are").unwrap(), "bytes %EF%BF%BD as they are");
        for sound in [&b"50% of %zz %4"[..], b"f%c3%b6r", "für".as_bytes()] {
            assert_eq!(repaired_message(sound).unwrap().as_bytes(), sound);
        }
    }

    #[test]
    fn trailers_are_repaired_too() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("3"));
        trailers.insert(DETAILS, HeaderValue::from_static("this is no base64!"));
        let trailers = repaired(Frame::trailers(trailers)).into_trailers().unwrap();
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);
        let data = repaired(Frame::data(Bytes::from_static(b"answer")));
        assert_eq!(data.into_data().unwrap(), "answer");
    }
}
