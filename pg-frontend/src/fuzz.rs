//! What a stranger's bytes can reach, for fuzzing: the startup and login of a connection, messages, and the data of a COPY.
//!
//! Each function takes any bytes and panics when something does not hold that must hold for all of them. The fuzz targets in
//! `fuzz/` call these for as long as they are let, the tests below for a bounded number of times. The first bytes choose
//! where the others are cut, because bytes come from a network in pieces that end anywhere.

use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::{Bytes, BytesMut};
use tavana_daemon::users::Users;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::decode::{self, CopyColumn, CopyDecoder, CopyError, CopyInput, ForceNull, HeaderLine};
use crate::encode::{Format, PgType, Scalar, Settings};
use crate::login::login;
use crate::message::{Request, take};
use crate::startup::{Startup, open};
use crate::stream::Stream;
use crate::translate::{Options, split, translate};

/// A connection that says nothing more is done with before this is over.
const PATIENCE: Duration = Duration::from_secs(20);
/// Types that values of a `Bind` are tried as.
const TYPES: &[u32] = &[
    0, 16, 17, 20, 21, 23, 25, 114, 700, 701, 1000, 1007, 1009, 1082, 1083, 1114, 1184, 1186, 1231, 1266, 1560, 1700,
    2950, 3802,
];

/// Bytes in pieces of a size that the first of them gives.
fn pieces(data: &[u8]) -> (&[u8], impl Iterator<Item = &[u8]>) {
    let (size, rest) = data.split_first().map_or((1, data), |(first, rest)| (usize::from(*first) + 1, rest));
    (rest, rest.chunks(size))
}

/// Connections from TCP to the end of their login, against a server with one user, `ada`.
pub struct Startups {
    runtime: Runtime,
    listener: TcpListener,
    users: Users,
}

impl Startups {
    /// Ready for connections; its users file is written to `folder`.
    ///
    /// # Errors
    /// When the file cannot be written or no port is free.
    pub fn new(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        const USER: &str = "ada:admin:SCRAM-SHA-256$4096:hAAc95s7kllAzm2/KDVYTw==$TG7LY/LXpFOE+Ug+DMqbX3y4a50m5vCEl7TUoP8WxtY=:rh+aNOAx872XB2Bttu09rY3iO7e5AX+Vuu8jbtg8+Pc=\n";
        let path = folder.join("users");
        std::fs::write(&path, USER)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        Ok(Self { runtime, listener, users: Users::open(&path)? })
    }

    /// A client that sends these bytes and then no more is answered with whole messages of the kinds that come before a
    /// login, and with nothing else; gives those kinds.
    ///
    /// # Panics
    /// When the answer is another, or none comes.
    pub fn run(&self, data: &[u8]) -> Vec<u8> {
        let (_, pieces) = pieces(data);
        let talk = async {
            let address = self.listener.local_addr()?;
            let (client, server) = tokio::try_join!(TcpStream::connect(address), self.listener.accept())?;
            let (mut input, mut output) = client.into_split();
            let say = async {
                for piece in pieces {
                    // The server may have hung up.
                    let _ = output.write_all(piece).await;
                    tokio::task::yield_now().await;
                }
                let _ = output.shutdown().await;
            };
            let hear = async {
                let mut answer = Vec::new();
                let _ = input.read_to_end(&mut answer).await;
                answer
            };
            let ((), answer, ()) = tokio::join!(say, hear, self.serve(server.0));
            Ok::<_, std::io::Error>(answer)
        };
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, talk).await });
        match answer {
            Ok(Ok(answer)) => kinds(&answer),
            // The machine ran out of ports or the like.
            Ok(Err(_)) => Vec::new(),
            Err(_) => panic!("the server neither answered nor hung up"),
        }
    }

    async fn serve(&self, tcp: TcpStream) {
        let Ok(Startup::Session(opened)) = open(tcp, None).await else { return };
        let name = opened.parameters.get("user").cloned().unwrap_or_default();
        let mut stream = Stream::new(opened.transport);
        if let Err(error) = login(&mut stream, Some(&self.users), &name, None).await {
            stream.reply.error(&error);
        }
        stream.close().await;
    }
}

/// The kinds of messages in an answer; refusals of encryption stand before them.
fn kinds(answer: &[u8]) -> Vec<u8> {
    let refusals = answer.iter().take_while(|byte| **byte == b'N').count();
    assert!(refusals <= 2, "encryption is refused more often than it can be asked for");
    let mut buffer = BytesMut::from(&answer[refusals..]);
    let mut kinds = Vec::new();
    while let Ok(Some((kind, _))) = take(&mut buffer, usize::MAX) {
        assert!(b"REv".contains(&kind), "a message of type {kind} came before the login was over");
        kinds.push(kind);
    }
    assert!(buffer.is_empty(), "the answer ends in the middle of a message");
    kinds
}

/// Messages read from pieces are those read from the whole; none is taken beyond the limit, no memory for a promise; each
/// is read, planned or decoded without a panic.
pub fn messages(data: &[u8]) {
    const LIMIT: usize = 1 << 16;
    let (whole, pieces) = pieces(data);
    let mut buffer = BytesMut::from(whole);
    let mut expected = Vec::new();
    let end = loop {
        match take(&mut buffer, LIMIT) {
            Ok(Some(message)) => expected.push(message),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let (mut buffer, mut found, mut told) = (BytesMut::new(), Vec::new(), None);
    'pieces: for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match take(&mut buffer, LIMIT) {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(error) => {
                    told = Some(error);
                    break 'pieces;
                }
            }
        }
        assert!(buffer.capacity() <= 4 * (LIMIT + whole.len()), "memory was taken on the word of a client");
    }
    assert_eq!((found, told), (expected.clone(), end), "pieces are read differently from the whole");
    for (kind, body) in expected {
        assert!(body.len() <= LIMIT);
        if let Ok(request) = Request::read(kind, body) {
            act(request);
        }
    }
}

/// What is done with a request before anything else is asked.
fn act(request: Request) {
    match request {
        Request::Query(sql) | Request::Parse { sql, .. } => {
            for standard_conforming_strings in [true, false] {
                let options =
                    Options { standard_conforming_strings, user: Some("ada".to_owned()), ..Options::default() };
                for range in split(&sql, &options).unwrap_or_default() {
                    let _ = translate(&sql[range], &options);
                }
            }
        }
        Request::Bind(bind) => {
            let formats: Vec<Format> = bind.formats.iter().filter_map(|&code| Format::from_code(code)).collect();
            for start in 0..TYPES.len() {
                let types: Vec<u32> =
                    TYPES.iter().cycle().skip(start).take(bind.values.len().min(64)).copied().collect();
                let _ = decode::parameters(&types, &formats, &bind.values, &Settings::default());
            }
        }
        _ => {}
    }
}

/// The data of a COPY gives the same rows, or the same error, wherever it is cut.
pub fn copy(data: &[u8]) {
    let (Some((choice, data)), header) = (data.split_first(), HeaderLine::None) else { return };
    let input = match choice % 4 {
        0 => CopyInput::Text { delimiter: b'\t', null: "\\N".to_owned(), header },
        1 => CopyInput::Csv {
            delimiter: b',',
            null: String::new(),
            header,
            quote: b'"',
            escape: b'"',
            force: Vec::new(),
        },
        2 => CopyInput::Csv {
            delimiter: b'|',
            null: "x".to_owned(),
            header: HeaderLine::Match,
            quote: b'\'',
            escape: b'\\',
            force: vec![ForceNull { null: true, not_null: false }; columns().len()],
        },
        _ => CopyInput::Binary,
    };
    let (whole, pieces) = pieces(data);
    let at_once = copied(&input, [whole].into_iter());
    let in_pieces = copied(&input, pieces);
    match (at_once, in_pieces) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "pieces give other rows"),
        (Err(one), Err(other)) => assert_eq!(one, other, "pieces give another error"),
        (one, other) => panic!("at once {one:?}, in pieces {other:?}"),
    }
}

fn columns() -> Vec<CopyColumn> {
    let column = |name: &str, pg_type| CopyColumn { name: name.to_owned(), pg_type };
    vec![
        column("a", PgType::scalar(Scalar::Int4)),
        column("b", PgType::scalar(Scalar::Text)),
        column("c", PgType { dimensions: 1, ..PgType::scalar(Scalar::Float8) }),
        column("d", PgType::scalar(Scalar::Timestamp)),
    ]
}

/// All rows as one batch. Where a batch ends is no matter.
fn copied<'a>(input: &CopyInput, pieces: impl Iterator<Item = &'a [u8]>) -> Result<RecordBatch, CopyError> {
    let mut decoder = CopyDecoder::new("t", columns(), input.clone(), Settings::default());
    let mut batches = Vec::new();
    for piece in pieces {
        batches.extend(decoder.push(piece)?);
    }
    batches.extend(decoder.finish()?);
    let schema = batches
        .first()
        .map(RecordBatch::schema)
        .unwrap_or_else(|| std::sync::Arc::new(arrow::datatypes::Schema::empty()));
    Ok(arrow::compute::concat_batches(&schema, &batches).unwrap_or_else(|error| panic!("batches do not fit: {error}")))
}

/// A value of any type is read, or refused.
pub fn value(data: &[u8]) {
    let Some((pick, value)) = data.split_first() else { return };
    let oid = TYPES[usize::from(*pick) % TYPES.len()];
    for format in [Format::Text, Format::Binary] {
        let value = [Some(Bytes::copy_from_slice(value))];
        let _ = decode::parameters(&[oid], &[format], &value, &Settings::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    fn packet(code: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).unwrap();
        [&length.to_be_bytes()[..], &code.to_be_bytes(), body].concat()
    }

    /// A message as a client writes it.
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    /// Parts of a conversation before a login, and noise.
    fn opening() -> impl Strategy<Value = Vec<u8>> {
        let noise = vec(any::<u8>(), 0..40);
        let start = vec(select(vec!["user", "ada", "database", "x", "", "options", "_pq_.a", "\u{e4}"]), 0..6)
            .prop_map(|words| {
                packet(
                    3 << 16,
                    words.iter().flat_map(|word| [word.as_bytes(), &[0]].concat()).collect::<Vec<u8>>().as_slice(),
                )
            });
        let first = b"SCRAM-SHA-256\0\0\0\0\x11n,,n=,r=abcdefghi".to_vec();
        prop_oneof![
            noise.clone(),
            start,
            Just(packet(3 << 16, b"user\0ada\0\0")),
            Just(packet(3 << 16 | 2, b"user\0ada\0_pq_.x\x001\0\0")),
            Just(packet(80_877_103, b"")),
            Just(packet(80_877_104, b"")),
            (any::<u32>(), noise.clone()).prop_map(|(code, body)| packet(code, &body)),
            (any::<u32>(), noise.clone()).prop_map(|(length, body)| [&length.to_be_bytes()[..], &body].concat()),
            noise.clone().prop_map(|key| packet(80_877_102, &key)),
            Just(message(b'p', &first)),
            (select(b"pQXd".to_vec()), noise).prop_map(|(kind, body)| message(kind, &body)),
        ]
    }

    /// Messages as clients send them, right and wrong ones.
    fn conversation() -> impl Strategy<Value = Vec<u8>> {
        let noise = vec(any::<u8>(), 0..60);
        let sql = vec(
            select(vec![
                "select", "$1", "'a", "'", "(", ")", "1", ";", "copy", "t", "from", "stdin", "--", "/*", "$$", "::int",
                "\u{e4}", "begin",
            ]),
            0..10,
        );
        let text = sql.prop_map(|words| words.join(" "));
        let bind = (vec(any::<u8>(), 0..3), vec(proptest::option::of(vec(any::<u8>(), 0..20)), 0..4), any::<i16>());
        prop_oneof![
            text.clone().prop_map(|sql| message(b'Q', &[sql.as_bytes(), &[0]].concat())),
            text.prop_map(|sql| message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat())),
            bind.prop_map(|(_, values, formats)| {
                let mut body = b"\0\0\0\x01".to_vec();
                body.extend((formats & 1).to_be_bytes());
                body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
                for value in &values {
                    let length = value.as_ref().map_or(-1, |value| i32::try_from(value.len()).unwrap());
                    body.extend(length.to_be_bytes());
                    body.extend(value.iter().flatten());
                }
                body.extend([0, 0]);
                message(b'B', &body)
            }),
            (select(b"QPBDECSHFdcfpX\0\xff".to_vec()), noise.clone()).prop_map(|(kind, body)| message(kind, &body)),
            (any::<u8>(), any::<u32>(), noise.clone()).prop_map(|(kind, length, body)| [
                &[kind][..],
                &length.to_be_bytes(),
                &body
            ]
            .concat()),
            noise,
        ]
    }

    fn cut(size: u8, parts: Vec<Vec<u8>>) -> Vec<u8> {
        [vec![size], parts.concat()].concat()
    }

    #[test]
    fn any_opening_is_answered_or_closed() {
        let folder = tempfile::tempdir().unwrap();
        let startups = Startups::new(folder.path()).unwrap();
        // The one that goes furthest: a login whose proof is wrong.
        let mut good = packet(3 << 16, b"user\0ada\0\0");
        good.extend(message(b'p', b"SCRAM-SHA-256\0\0\0\0\x11n,,n=,r=abcdefghi"));
        good.extend(message(b'p', b"c=biws,r=abc,p=AAAA"));
        assert_eq!(startups.run(&cut(255, vec![good])), b"RRE");
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) };
        proptest!(config, |(size in select(vec![0, 3, 255]), parts in vec(opening(), 0..5))| {
            startups.run(&cut(size, parts));
        });
    }

    proptest! {
        #[test]
        fn any_conversation_is_read(size in any::<u8>(), parts in vec(conversation(), 0..8)) {
            messages(&cut(size, parts));
        }

        #[test]
        fn any_copy_is_read_alike_in_pieces(choice in any::<u8>(), size in 0..20_u8, parts in vec(
            select(vec!["1", "x", "\t", ",", "|", "\n", "\r\n", "\r", "\\.", "\\N", "\\", "\"", "'", "\"\"", "{1,2}", "2024-02-29", "a", "\u{e4}", "\0", "a|b|c|d\n", "1\ta\t{1}\t\\N\n", "1,a,,\n"]),
            0..24,
        )) {
            copy(&[&[choice, size][..], parts.concat().as_bytes()].concat());
        }

        #[test]
        fn any_binary_copy_is_read_alike_in_pieces(size in 0..40_u8, is_whole in any::<bool>(), rest in vec(prop_oneof![
            Just(vec![0, 4]), Just(vec![0, 0, 0, 4]), Just(vec![255; 4]), Just(vec![255, 255]), vec(any::<u8>(), 0..9),
        ], 0..20)) {
            let head = if is_whole { &b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"[..] } else { b"PGCOPY\n" };
            copy(&[&[3, size][..], head, &rest.concat()].concat());
        }

        #[test]
        fn any_value_is_read(pick in any::<u8>(), bytes in vec(any::<u8>(), 0..60)) {
            value(&[vec![pick], bytes].concat());
        }
    }
}
