//! One gRPC message that holds one `FlightData`, as segments that are never joined.
//!
//! Tonic would copy every message into one buffer; a result is mostly bodies, so the frame is written by hand:
//! gRPC's five bytes, the protobuf fields 2 (`data_header`) and 1000 (`data_body`), then the body's segments as they are.

use bytes::{BufMut, Bytes, BytesMut};

/// Field 2, length-delimited.
const DATA_HEADER_TAG: u8 = 0x12;
/// Field 1000, length-delimited.
const DATA_BODY_TAG: [u8; 2] = [0xC2, 0x3E];
/// Where the body begins inside the protobuf message, and its buffers inside the body: at multiples of this. Clients that
/// take a message in one piece can then use the buffers where they lie; Arrow C++ copies every buffer that is not aligned.
pub(super) const ALIGNMENT: usize = 64;

/// A gRPC message, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    segments: Vec<Bytes>,
}

impl Frame {
    /// A `FlightData` of an IPC message and its body.
    pub(crate) fn flight_data(ipc_message: &[u8], body: Vec<Bytes>) -> Self {
        let body_bytes: usize = body.iter().map(Bytes::len).sum();
        let body_head = if body_bytes == 0 { 0 } else { DATA_BODY_TAG.len() + varint_len(body_bytes) };
        let header_bytes =
            if body_bytes == 0 { ipc_message.len() } else { padded_header(ipc_message.len(), body_head) };
        let header_field = 1 + varint_len(header_bytes) + header_bytes;
        let mut head = BytesMut::with_capacity(5 + header_field + body_head);
        head.put_u8(0);
        // gRPC has 32 bits for the length; the encoder keeps messages far below that.
        head.put_u32(u32::try_from(header_field + body_head + body_bytes).unwrap_or(u32::MAX));
        head.put_u8(DATA_HEADER_TAG);
        put_varint(&mut head, header_bytes);
        head.put_slice(ipc_message);
        head.put_bytes(0, header_bytes - ipc_message.len());
        if body_bytes > 0 {
            head.put_slice(&DATA_BODY_TAG);
            put_varint(&mut head, body_bytes);
        }
        let mut segments = Vec::with_capacity(1 + body.len());
        segments.push(head.freeze());
        segments.extend(body.into_iter().filter(|segment| !segment.is_empty()));
        Self { segments }
    }

    /// A frame that was stored whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { segments: vec![bytes] }
    }

    /// Its bytes in order.
    pub(crate) fn into_segments(self) -> Vec<Bytes> {
        self.segments
    }

    /// Its bytes in order, borrowed.
    pub(crate) fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum()
    }
}

/// The length of an IPC message with so many zeros behind it, which readers skip, that what follows it and `body_head`
/// more bytes is aligned.
fn padded_header(len: usize, body_head: usize) -> usize {
    let begins = |len: usize| 1 + varint_len(len) + len + body_head;
    // The padding may lengthen the length's own varint; then one more turn is needed.
    let padded = len + begins(len).next_multiple_of(ALIGNMENT) - begins(len);
    padded + begins(padded).next_multiple_of(ALIGNMENT) - begins(padded)
}

fn varint_len(mut value: usize) -> usize {
    let mut len = 1;
    while value >= 0x80 {
        value >>= 7;
        len += 1;
    }
    len
}

fn put_varint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::FlightData;
    use prost::Message as _;

    fn check(header: &[u8], body: &[&[u8]]) {
        let segments = body.iter().map(|segment| Bytes::copy_from_slice(segment)).collect();
        let frame = Frame::flight_data(header, segments);
        let bytes = frame.segments().concat();
        assert_eq!(bytes.len(), frame.len());
        assert_eq!(bytes[0], 0);
        assert_eq!(u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize, bytes.len() - 5);
        let message = Bytes::from(bytes).slice(5..);
        let decoded = FlightData::decode(message.clone()).unwrap();
        let (told, padding) = decoded.data_header.split_at(header.len());
        assert_eq!(told, header);
        assert!(padding.len() < 2 * ALIGNMENT && padding.iter().all(|&byte| byte == 0));
        assert_eq!(decoded.data_body, body.concat());
        if !decoded.data_body.is_empty() {
            assert_eq!((decoded.data_body.as_ptr() as usize - message.as_ptr() as usize) % ALIGNMENT, 0);
        }
    }

    #[test]
    fn a_frame_decodes_as_flight_data() {
        check(b"head", &[]);
        check(b"head", &[b"", b"abc", b"de"]);
        check(&[7; 300], &[&[1; 127], &[2; 200], &[3; 70_000]]);
        // Every remainder, and lengths whose padding lengthens their varint.
        for header in (1..300).chain(16_200..16_500) {
            check(&vec![7; header], &[&[1; 200]]);
        }
    }
}
