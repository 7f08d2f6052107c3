//! The connection as calls use it: the driver's last words come whole, and never as a panic.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tower::Service;

/// Codes come in headers, in trailers, or in both.
const MESSAGE: &str = "grpc-message";
/// Nobody reads the details here, they say the message again, and the library panics on what is no base64.
const DETAILS: &str = "grpc-status-details-bin";

/// A connection that repairs what drivers send beside a code.
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

/// A text that is no UTF-8, as one that a driver has cut in the middle of a character, would cost the code its
/// meaning: the library then reports a failure of its own.
fn repair(headers: &mut HeaderMap) {
    headers.remove(DETAILS);
    let Some(said) = headers.get(MESSAGE) else { return };
    let said = decoded(said.as_bytes());
    if std::str::from_utf8(&said).is_err()
        && let Ok(value) = HeaderValue::try_from(encoded(&String::from_utf8_lossy(&said)))
    {
        headers.insert(MESSAGE, value);
    }
}

/// Takes the percent-encoding off, where there is one.
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

/// As headers have it: what is neither plain ASCII nor free of doubt is percent-encoded.
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
    fn a_text_that_ends_within_a_character_is_repaired_and_others_are_left_alone() {
        assert_eq!(repaired_message(b"100%25 f%C3%B6r %C3").unwrap(), "100%25 f%C3%B6r %EF%BF%BD");
        assert_eq!(repaired_message(b"bytes \xff as they are").unwrap(), "bytes %EF%BF%BD as they are");
        for sound in [&b"50% of %zz %4"[..], b"f%c3%b6r", "für".as_bytes()] {
            assert_eq!(repaired_message(sound).unwrap().as_bytes(), sound);
        }
    }

    #[test]
    fn codes_that_come_after_the_answer_are_repaired_too() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("3"));
        trailers.insert(DETAILS, HeaderValue::from_static("this is no base64!"));
        let trailers = repaired(Frame::trailers(trailers)).into_trailers().unwrap();
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);
        let data = repaired(Frame::data(Bytes::from_static(b"answer")));
        assert_eq!(data.into_data().unwrap(), "answer");
    }
}
