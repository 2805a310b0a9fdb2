//! A connection to what is measured: one request after the other, over one kept socket.
//!
//! The driver shares the cores with the server, so what it takes is missing there. Requests are put together from text,
//! and of answers only the head is parsed: that takes less than half of what the pooled client of `harness` takes, and
//! W1 gives the difference to the server.

use crate::Result;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The credential scope carries the Region and the service; nobody checks the signature on loopback.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/states/aws4_request, \
                             SignedHeaders=host;x-amz-date;x-amz-target, Signature=0";
const HEADERS_MAX: usize = 64;

/// One HTTP/1.1 connection, opened again when the other side closes it.
pub struct Connection {
    /// `127.0.0.1:8083`
    address: Arc<str>,
    stream: Option<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// What the head of an answer says.
struct Head {
    status: u16,
    /// Bytes of the head itself.
    bytes: usize,
    body_bytes: usize,
    closes: bool,
}

impl Connection {
    pub fn new(address: &str) -> Connection {
        Connection { address: address.into(), stream: None, request: Vec::new(), answer: Vec::new() }
    }

    /// Calls an operation of AWS Step Functions with a body that is JSON; gives the body of its answer.
    pub async fn call(&mut self, operation: &str, body: &str) -> Result<&[u8]> {
        let headers = format!(
            "Content-Type: application/x-amz-json-1.0\r\nAuthorization: {AUTHORIZATION}\r\n\
             X-Amz-Target: AWSStepFunctions.{operation}\r\n"
        );
        self.send("POST", "/", &headers, body).await
    }

    /// Sends any request; `headers` are whole lines. Gives the body of the answer, whose status must be that of a success.
    pub async fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<&[u8]> {
        self.request.clear();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&*self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(&self.request).await?;
        let head = read_head(stream, &mut self.answer).await?;
        while self.answer.len() < head.bytes + head.body_bytes {
            if stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection in the middle of an answer".into());
            }
        }
        if head.closes {
            self.stream = None;
        }
        let body = self.answer.get(head.bytes..head.bytes + head.body_bytes).unwrap_or_default();
        if !(200..300).contains(&head.status) {
            return Err(format!("{} {}", head.status, String::from_utf8_lossy(body)).into());
        }
        Ok(body)
    }

    /// A header of the last answer.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(&self.answer).ok()?;
        header(response.headers, name).map(ToOwned::to_owned)
    }
}

async fn read_head(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<Head> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err("the server closed the connection instead of answering".into());
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(bytes) = response.parse(answer)? else { continue };
        let length = header(response.headers, "content-length").ok_or("an answer has no Content-Length")?;
        let closes = response.version == Some(0)
            || header(response.headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        return Ok(Head {
            status: response.code.unwrap_or_default(),
            bytes,
            body_bytes: length.trim().parse()?,
            closes,
        });
    }
}

fn header<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value).ok()
}
