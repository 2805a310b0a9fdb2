//! The listener of a real server, over sockets: what clients that misbehave see, and what they cannot take from others.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use harness::Server;
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn server(config: &str) -> Server {
    Server::start_configured(Path::new(env!("CARGO_BIN_EXE_stepwell")), config).await.unwrap()
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.endpoint().strip_prefix("http://").unwrap()).await.unwrap()
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A request of an operation, without its body.
fn head(length: usize, more: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n{more}\r\n"
    )
    .into_bytes()
}

/// The status and the body of an answer that ends with its JSON object.
async fn answer(client: &mut TcpStream) -> (u16, Value) {
    let mut read = Vec::new();
    loop {
        assert_ne!(client.read_buf(&mut read).await.unwrap(), 0, "{}", String::from_utf8_lossy(&read));
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            return (head.split(' ').nth(1).unwrap().parse().unwrap(), body);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_whenever_the_client_reads() {
    let server = server("").await;
    let too_large = |(status, body): (u16, Value)| {
        assert_eq!(body["__type"], "RequestEntityTooLargeException", "{body}");
        assert!((400..500).contains(&status), "{status}");
    };
    let length = 8 << 20;
    // Most clients read when they have sent everything.
    let mut client = connect(&server).await;
    client.write_all(&head(length, "")).await.unwrap();
    client.write_all(&vec![b' '; length]).await.unwrap();
    too_large(answer(&mut client).await);
    // The connection is as good as before.
    client.write_all(HEALTH).await.unwrap();
    assert_eq!(answer(&mut client).await.0, 200);
    // Some read while they are still sending.
    let mut client = connect(&server).await;
    client.write_all(&head(length, "")).await.unwrap();
    client.write_all(&vec![b' '; 2 << 20]).await.unwrap();
    too_large(answer(&mut client).await);
    client.write_all(&vec![b' '; length - (2 << 20)]).await.unwrap();
    // Some ask first.
    let mut client = connect(&server).await;
    client.write_all(&head(length, "Expect: 100-continue\r\n")).await.unwrap();
    too_large(answer(&mut client).await);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = server("request_seconds_max = 1").await;
    let mut client = connect(&server).await;
    client.write_all(&head(2, "")).await.unwrap();
    client.write_all(b"{").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn more_connections_than_there_may_be_wait() {
    let server = server("connections_max = 1").await;
    let mut first = connect(&server).await;
    first.write_all(HEALTH).await.unwrap();
    assert_eq!(answer(&mut first).await.0, 200);
    let mut second = connect(&server).await;
    second.write_all(HEALTH).await.unwrap();
    first.write_all(HEALTH).await.unwrap();
    assert_eq!(answer(&mut first).await.0, 200);
    let nothing = second.try_read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    assert_eq!(answer(&mut second).await.0, 200);
    assert!(server.log().contains("all connections are in use; further ones wait"), "{}", server.log());
}

#[tokio::test]
async fn a_server_tells_its_health() {
    let server = server("").await;
    let mut client = connect(&server).await;
    client.write_all(HEALTH).await.unwrap();
    assert_eq!(answer(&mut client).await, (200, json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })));
}

#[tokio::test]
async fn bodies_that_find_no_room_beside_others_are_throttled() {
    // There is always room for the largest request, and here for no more.
    let server = server("request_bytes_in_flight_max = 1").await;
    let length = 1 << 20;
    let (mut first, throttled) = loop {
        let mut first = connect(&server).await;
        first.write_all(&head(length, "")).await.unwrap();
        first.write_all(&vec![b' '; length - 2]).await.unwrap();
        let mut second = connect(&server).await;
        second.write_all(&head(length / 2, "")).await.unwrap();
        second.write_all(&vec![b' '; length / 2 - 2]).await.unwrap();
        second.write_all(b"{}").await.unwrap();
        let answer = answer(&mut second).await;
        // Unless the server has read the second one before the first.
        if answer.0 != 200 {
            break (first, answer);
        }
    };
    assert_eq!((throttled.0, &throttled.1["__type"]), (400, &json!("ThrottlingException")));
    first.write_all(b"{}").await.unwrap();
    assert_eq!(answer(&mut first).await.0, 200);
    // Its place is free again.
    let mut third = connect(&server).await;
    third.write_all(&head(2, "")).await.unwrap();
    third.write_all(b"{}").await.unwrap();
    assert_eq!(answer(&mut third).await.0, 200);
}

#[tokio::test]
async fn an_http_2_connection_is_told_how_many_requests_it_may_have() {
    const MAX_CONCURRENT_STREAMS: [u8; 2] = [0, 3];
    let server = server("").await;
    let mut client = connect(&server).await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    // A frame of settings, without any.
    client.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the first frame has the settings of the server");
    let mut settings = vec![0; usize::from(head[2])];
    client.read_exact(&mut settings).await.unwrap();
    let streams = settings.chunks(6).find(|setting| setting[..2] == MAX_CONCURRENT_STREAMS).unwrap();
    assert_eq!(streams[2..], 128_u32.to_be_bytes());
}
