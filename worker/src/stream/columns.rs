//! Record batches written straight from DuckDB's vectors into IPC buffers.
//!
//! Each column appends to its own buffers chunk by chunk, while the chunk is still in the processor's cache;
//! the buffers are then sent as they are, one segment each. That saves the copies of exporting chunk by chunk,
//! concatenating, and writing an IPC body. Only types whose Arrow form follows from DuckDB's memory are here; a
//! property test holds the result to DuckDB's own export.

use std::ops::Range;

use arrow::ipc::{
    Buffer, FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder as IpcRecordBatchBuilder,
};
use bytes::Bytes;
use flatbuffers::FlatBufferBuilder;

use super::frame::{ALIGNMENT, Frame};
use crate::engine::{Chunk, Column, Layout, Plain};

/// A record batch under construction.
#[derive(Debug)]
pub(super) struct ColumnBatch {
    columns: Vec<ColumnBuffers>,
    rows: usize,
}

#[derive(Debug)]
struct ColumnBuffers {
    layout: Layout,
    validity: Bits,
    /// Values; or the bytes of texts, whose ends are in `offsets`.
    data: Vec<u8>,
    /// Values of decimals, widened.
    wide: Vec<i128>,
    offsets: Vec<i32>,
}

impl ColumnBatch {
    pub(super) fn new(layouts: &[Layout]) -> Self {
        let columns = layouts.iter().map(|&layout| ColumnBuffers::new(layout, 0, 0)).collect();
        Self { columns, rows: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// How many bytes of body it has so far.
    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuffers::bytes).sum()
    }

    /// How many bytes of body some rows of a chunk will take, nearly.
    pub(super) fn bytes_of(&self, chunk: &Chunk, rows: &Range<usize>) -> usize {
        let column_bytes = |(index, buffers): (usize, &ColumnBuffers)| match buffers.layout {
            Layout::Bool => rows.len() / 8,
            Layout::Fixed(width) => rows.len() * width,
            Layout::Decimal(_) => rows.len() * 16,
            Layout::Bytes => {
                let column = chunk.column(index);
                let valid = Valid::of(&column);
                let texts = rows.clone().filter(|&row| valid.get(row)).map(|row| column.bytes(row).len());
                texts.sum::<usize>() + rows.len() * 4
            }
        };
        self.columns.iter().enumerate().map(column_bytes).sum()
    }

    /// Appends some rows of a chunk.
    pub(super) fn append(&mut self, chunk: &Chunk, rows: Range<usize>) {
        for (index, buffers) in self.columns.iter_mut().enumerate() {
            buffers.append(&chunk.column(index), rows.clone());
        }
        self.rows += rows.len();
    }

    /// The batch as a frame; the builder starts anew, with room for as much again.
    pub(super) fn take_frame(&mut self) -> Frame {
        let rows = std::mem::take(&mut self.rows);
        let mut message = IpcMessage { nodes: Vec::new(), buffers: Vec::new(), segments: Vec::new(), at: 0 };
        for column in &mut self.columns {
            let next = ColumnBuffers::new(column.layout, column.data.len(), rows);
            std::mem::replace(column, next).finish(rows, &mut message);
        }
        message.into_frame(rows)
    }
}

impl ColumnBuffers {
    fn new(layout: Layout, data_bytes: usize, rows: usize) -> Self {
        // A little more than last time, so that equal batches do not grow, not even by their padding.
        let room = |count: usize| count + count / 8 + ALIGNMENT;
        let mut offsets = Vec::new();
        let mut wide = Vec::new();
        match layout {
            Layout::Bytes => {
                offsets.reserve(room(rows) + 1);
                offsets.push(0);
            }
            Layout::Decimal(_) => wide.reserve(room(rows)),
            Layout::Bool | Layout::Fixed(_) => {}
        }
        Self { layout, validity: Bits::default(), data: Vec::with_capacity(room(data_bytes)), wide, offsets }
    }

    fn bytes(&self) -> usize {
        self.data.len() + self.wide.len() * 16 + self.offsets.len() * 4 + self.validity.bytes()
    }

    fn append(&mut self, column: &Column<'_>, rows: Range<usize>) {
        self.validity.append(column.validity(), rows.clone());
        match self.layout {
            Layout::Bool => self.append_bools(column, rows),
            Layout::Fixed(1) => self.data.extend_from_slice(&column.values::<u8>()[rows]),
            Layout::Fixed(2) => extend(&mut self.data, &column.values::<u16>()[rows]),
            Layout::Fixed(4) => extend(&mut self.data, &column.values::<u32>()[rows]),
            Layout::Fixed(8) => extend(&mut self.data, &column.values::<u64>()[rows]),
            Layout::Fixed(_) => extend(&mut self.data, &column.values::<i128>()[rows]),
            #[allow(clippy::cast_possible_wrap)]
            Layout::Decimal(2) => self.wide.extend(column.values::<u16>()[rows].iter().map(|&v| i128::from(v as i16))),
            Layout::Decimal(4) => self.wide.extend(column.values::<i32>()[rows].iter().map(|&v| i128::from(v))),
            Layout::Decimal(8) => self.wide.extend(column.values::<i64>()[rows].iter().map(|&v| i128::from(v))),
            Layout::Decimal(_) => self.wide.extend_from_slice(&column.values::<i128>()[rows]),
            Layout::Bytes => self.append_bytes(column, rows),
        }
    }

    fn append_bools(&mut self, column: &Column<'_>, rows: Range<usize>) {
        // As bytes for now; `finish` packs them.
        self.data.extend(column.values::<u8>()[rows].iter().map(|&value| u8::from(value != 0)));
    }

    fn append_bytes(&mut self, column: &Column<'_>, rows: Range<usize>) {
        self.offsets.reserve(rows.len());
        let valid = Valid::of(column);
        if valid.all() {
            column.append_all_bytes(rows, &mut self.data, &mut self.offsets);
            return;
        }
        for row in rows {
            if valid.get(row) {
                self.data.extend_from_slice(column.bytes(row));
            }
            // The encoder starts a new batch long before 2 GiB; one text cannot be longer in DuckDB.
            self.offsets.push(i32::try_from(self.data.len()).unwrap_or(i32::MAX));
        }
    }

    fn finish(self, rows: usize, message: &mut IpcMessage) {
        let nulls = self.validity.nulls;
        message.nodes.push(FieldNode::new(rows as i64, nulls as i64));
        message.push(if nulls == 0 { Vec::new() } else { self.validity.into_bytes() });
        match self.layout {
            Layout::Bool => message.push(pack(&self.data)),
            Layout::Bytes => {
                message.push(self.offsets);
                message.push(self.data);
            }
            Layout::Decimal(_) => message.push(self.wide),
            Layout::Fixed(_) => message.push(self.data),
        }
    }
}

fn extend<T: Plain>(data: &mut Vec<u8>, values: &[T]) {
    data.extend_from_slice(as_bytes(values));
}

fn as_bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: `Plain` types have no padding, so their bytes are all initialized.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) }
}

/// Numbers that are sent as the bytes they are.
struct Numbers<T>(Vec<T>);

impl<T: Plain> AsRef<[u8]> for Numbers<T> {
    fn as_ref(&self) -> &[u8] {
        as_bytes(&self.0)
    }
}

fn pack(bools: &[u8]) -> Vec<u8> {
    let byte = |eight: &[u8]| eight.iter().enumerate().fold(0, |byte, (bit, value)| byte | (value << bit));
    bools.chunks(8).map(byte).collect()
}

/// Which rows of a column are not null.
struct Valid<'a>(Option<&'a [u64]>);

impl<'a> Valid<'a> {
    fn of(column: &Column<'a>) -> Self {
        Self(column.validity())
    }

    fn all(&self) -> bool {
        self.0.is_none()
    }

    fn get(&self, row: usize) -> bool {
        self.0.is_none_or(|words| words[row / 64] >> (row % 64) & 1 == 1)
    }
}

/// A growing bitmap, lowest bit first; nothing is stored until the first null.
#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    len: usize,
    nulls: usize,
}

impl Bits {
    fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    fn append(&mut self, validity: Option<&[u64]>, rows: Range<usize>) {
        let Some(validity) = validity else {
            self.append_valid(rows.len());
            return;
        };
        let mut at = rows.start;
        while at < rows.end {
            let count = (rows.end - at).min(64 - at % 64);
            let mask = if count == 64 { u64::MAX } else { (1 << count) - 1 };
            self.push(validity[at / 64] >> (at % 64) & mask, count);
            at += count;
        }
    }

    fn append_valid(&mut self, mut count: usize) {
        if self.nulls == 0 {
            self.len += count;
            return;
        }
        while count > 0 {
            let some = count.min(64);
            self.push(if some == 64 { u64::MAX } else { (1 << some) - 1 }, some);
            count -= some;
        }
    }

    /// Appends the lowest `count` bits, from 1 to 64; those above are zero.
    fn push(&mut self, bits: u64, count: usize) {
        let nulls = count - bits.count_ones() as usize;
        if self.nulls == 0 {
            if nulls == 0 {
                self.len += count;
                return;
            }
            // The first null: write down that all before were valid.
            self.words = vec![u64::MAX; self.len / 64];
            if !self.len.is_multiple_of(64) {
                self.words.push((1 << (self.len % 64)) - 1);
            }
        }
        self.nulls += nulls;
        let shift = self.len % 64;
        if shift == 0 {
            self.words.push(bits);
        } else {
            if let Some(last) = self.words.last_mut() {
                *last |= bits << shift;
            }
            if shift + count > 64 {
                self.words.push(bits >> (64 - shift));
            }
        }
        self.len += count;
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(self.len.div_ceil(8));
        bytes
    }
}

/// The parts of an IPC record batch message.
struct IpcMessage {
    nodes: Vec<FieldNode>,
    buffers: Vec<Buffer>,
    segments: Vec<Bytes>,
    at: usize,
}

impl IpcMessage {
    /// Adds a buffer, with the zeros behind it that lead to the place of the next.
    fn push<T: Plain + Default + Send + 'static>(&mut self, mut values: Vec<T>) {
        self.buffers.push(Buffer::new(self.at as i64, size_of_val(&values[..]) as i64));
        values.resize(values.len().next_multiple_of(ALIGNMENT / size_of::<T>()), T::default());
        self.at += size_of_val(&values[..]);
        self.segments.push(Bytes::from_owner(Numbers(values)));
    }

    fn into_frame(self, rows: usize) -> Frame {
        let mut builder = FlatBufferBuilder::with_capacity(256 + 32 * self.buffers.len());
        let nodes = builder.create_vector(&self.nodes);
        let buffers = builder.create_vector(&self.buffers);
        let batch = {
            let mut batch = IpcRecordBatchBuilder::new(&mut builder);
            batch.add_length(rows as i64);
            batch.add_nodes(nodes);
            batch.add_buffers(buffers);
            batch.finish().as_union_value()
        };
        let message = {
            let mut message = MessageBuilder::new(&mut builder);
            message.add_version(MetadataVersion::V5);
            message.add_header_type(MessageHeader::RecordBatch);
            message.add_header(batch);
            message.add_bodyLength(self.at as i64);
            message.finish()
        };
        builder.finish(message, None);
        Frame::flight_data(builder.finished_data(), self.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_append_like_a_list_of_bools(pieces in proptest::collection::vec(
            (proptest::collection::vec(any::<u64>(), 4), 0usize..128, 0usize..128, any::<bool>()), 0..12,
        )) {
            let mut bits = Bits::default();
            let mut bools = Vec::new();
            for (words, start, len, valid) in pieces {
                let rows = start..start + len;
                if valid {
                    bits.append(None, rows.clone());
                    bools.extend(rows.map(|_| true));
                } else {
                    bits.append(Some(&words), rows.clone());
                    bools.extend(rows.map(|row| words[row / 64] >> (row % 64) & 1 == 1));
                }
            }
            prop_assert_eq!(bits.len, bools.len());
            prop_assert_eq!(bits.nulls, bools.iter().filter(|valid| !**valid).count());
            if bits.nulls > 0 {
                let bytes: Vec<u8> = bools.iter().map(|&valid| u8::from(valid)).collect();
                prop_assert_eq!(bits.into_bytes(), pack(&bytes));
            }
        }
    }
}
