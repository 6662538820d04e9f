//! A table that costs nothing: canned answers of DynamoDB, so that what is measured is
//! the client. The same for everybody who asks, and right for the protocol: each user
//! exists, owes nothing, and was never let in.
//!
//! Prints the port it listens on, and ends when its standard input does. `stub MILLISECONDS`
//! answers so much later.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

/// RFC 4226's, in base32.
const ITEM: &str = r#"{"user_id":{"S":"ana@example.com"},"secret":{"S":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},"enrollment_id":{"S":"8J3v0bqTqkK2xO1mS5u2Zw"},"registered_at":{"N":"1700000000"},"throttle_at":{"N":"1700003600000"},"misses":{"N":"1"},"reserve_id":{"S":"pJcV1y9bTqKx0mS5u2Zw8J"}}"#;

/// DynamoDB's checksum of a body: boto3 checks it, so it has to be right.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

fn reply(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n\
         x-amzn-RequestId: 1\r\nx-amz-crc32: {}\r\nContent-Length: {}\r\n\r\n{body}",
        crc32(body.as_bytes()),
        body.len()
    )
    .into_bytes()
}

static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| reply("{}"));
static FOUND: LazyLock<Vec<u8>> = LazyLock::new(|| reply(&format!("{{\"Item\":{ITEM}}}")));
static NEW: LazyLock<Vec<u8>> = LazyLock::new(|| reply(&format!("{{\"Attributes\":{ITEM}}}")));

/// A reservation asks for the new item and a plain read for the item; all other
/// operations are answered with nothing.
fn answer(operation: &str, body: &[u8]) -> &'static [u8] {
    let wants_new = || body.windows(8).any(|part| part == b"\"ALL_NEW");
    match operation {
        "GetItem" => &FOUND,
        "UpdateItem" if wants_new() => &NEW,
        _ => &EMPTY,
    }
}

/// Answers one connection's requests until it is closed.
fn serve(stream: TcpStream, delay: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(16 * 1024, stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let (mut length, mut operation) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line == "\r\n" {
                    break;
                }
                continue; // the request line
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            } else if name.eq_ignore_ascii_case("x-amz-target") {
                value.rsplit('.').next().unwrap_or_default().clone_into(&mut operation);
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        if !delay.is_zero() {
            sleep(delay);
        }
        writer.write_all(answer(&operation, &body))?;
    }
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    let delay = std::env::args().find_map(|argument| argument.parse().ok());
    let delay = Duration::from_millis(delay.unwrap_or(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client may hang up.
            std::thread::spawn(move || serve(stream, delay));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
