//! What clients send, and what PostgreSQL says to it; its own answers are in `encode/oracle.json`.

use super::*;
use crate::encode::oracle::{ANSWERS, defaults};
use crate::encode::{CopyEncoder, CopyFormat, CsvOptions, Scalar, TextOptions};
use bytes::BytesMut;
use proptest::prelude::*;

fn read(oid: u32, format: Format, value: &[u8]) -> Result<RecordBatch, DecodeError> {
    parameters(&[oid], &[format], &[Some(Bytes::copy_from_slice(value))], &Settings::default())
}

#[test]
fn errors_as_postgresql() {
    let mut wrong = Vec::new();
    for (oid, input, state, message) in &ANSWERS.errors {
        let found = match read(*oid, Format::Text, input.as_bytes()) {
            Ok(batch) => format!("{:?}", batch.column(0)),
            Err(error) => format!("{} {error}", error.sqlstate()),
        };
        if found != format!("{state} {message}") {
            wrong.push(format!("{oid} {input:?}: {found} instead of {state} {message}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn several_parameters() {
    let values = [Some(Bytes::from_static(b"1.50")), None, Some(Bytes::from_static(b"x"))];
    let batch = parameters(&[1700, 23, 0], &[], &values, &Settings::default()).unwrap();
    let types: Vec<String> = batch.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Decimal128(3, 2)", "Int32", "Utf8"]);
    assert!(batch.column(1).is_null(0));
    let error = parameters(&[23], &[Format::Text; 2], &values[..1], &Settings::default()).unwrap_err();
    assert_eq!(error.sqlstate(), "08P01");
    assert_eq!(parameters(&[], &[], &[], &Settings::default()).unwrap().num_rows(), 1);
    let error = read(25, Format::Text, b"a\xe4b").unwrap_err();
    assert_eq!(error.to_string(), "invalid byte sequence for encoding \"UTF8\": 0xe4 0x62");
    assert_eq!(
        read(23, Format::Binary, b"abcde").unwrap_err().to_string(),
        "incorrect binary data format in bind parameter 1"
    );
    // Found by fuzzing.
    let error = read(1114, Format::Text, b"2029993099302999993-02-21").unwrap_err();
    assert_eq!(error.sqlstate(), "22008");
    let error = read(23, Format::Binary, b"abc").unwrap_err();
    assert_eq!((error.to_string().as_str(), error.sqlstate()), ("insufficient data left in message", "08P01"));
}

fn columns() -> Vec<CopyColumn> {
    let column = |name: &str, scalar, dimensions| CopyColumn {
        name: name.into(),
        pg_type: PgType { dimensions, ..PgType::scalar(scalar) },
    };
    let decimal = PgType { typmod: (15 << 16) + 2 + 4, ..PgType::scalar(Scalar::Numeric) };
    vec![
        column("a", Scalar::Int4, 0),
        column("b", Scalar::Text, 0),
        CopyColumn { name: "c".into(), pg_type: decimal },
        column("d", Scalar::Text, 1),
    ]
}

fn copy_in(input: CopyInput, columns: Vec<CopyColumn>, chunks: &[&[u8]]) -> Result<RecordBatch, CopyError> {
    let mut decoder = CopyDecoder::new("t", columns, input, Settings::default());
    for chunk in chunks {
        assert!(decoder.push(chunk)?.is_empty(), "short data fills no batch");
    }
    Ok(decoder.finish()?.remove(0))
}

/// Reads lines of two columns, and tells the texts or the error.
fn check(input: CopyInput, data: &str, expected: &str) {
    let two = columns().into_iter().take(2).collect::<Vec<_>>();
    let found = match copy_in(input.clone(), two.clone(), &[data.as_bytes()]) {
        Ok(batch) => {
            let mut out = BytesMut::new();
            let csv = CopyFormat::Csv(CsvOptions { null: "NULL".into(), ..CsvOptions::default() });
            let mut encoder = CopyEncoder::new(batch.schema(), csv, Settings::default());
            let mut shown = String::new();
            for row in 0..batch.num_rows() {
                out.clear();
                encoder.encode(&batch, row..row + 1, &mut out, usize::MAX).unwrap();
                shown += std::str::from_utf8(&out[5..]).unwrap();
            }
            shown
        }
        Err(error) => format!("{} {error} ({})", error.sqlstate(), error.context),
    };
    assert_eq!(found, expected, "{data:?}");
    // The same bytes one by one.
    let pieces: Vec<&[u8]> = data.as_bytes().chunks(1).collect();
    assert_eq!(copy_in(input.clone(), two.clone(), &pieces), copy_in(input, two, &[data.as_bytes()]));
}

#[test]
fn copied_text() {
    let text = CopyInput::text;
    check(text(), "1\ta\n2\t\\N\n\\N\t\n", "1,a\n2,NULL\nNULL,\n");
    check(text(), "1\ta\\tb\\\\\\n\\101\\x41\\q\r\n2\tb", "1,\"a\tb\\\nAAq\"\n2,b\n");
    check(text(), "1\ta\\\nb\n", "1,\"a\nb\"\n");
    check(text(), "1\ta\n\\.\ngarbage", "1,a\n");
    check(text(), "1\ta\n2\n", "22P04 missing data for column \"b\" (COPY t, line 2: \"2\")");
    check(text(), "1\ta\tx\n", "22P04 extra data after last expected column (COPY t, line 1: \"1\ta\tx\")");
    check(
        text(),
        "1\ta\n\nx\tb\n",
        "22P02 invalid input syntax for type integer: \"\" (COPY t, line 2, column a: \"\")",
    );
    check(
        text(),
        "1\ta\nx\tb\n",
        "22P02 invalid input syntax for type integer: \"x\" (COPY t, line 2, column a: \"x\")",
    );
    check(text(), "1\ta\n2\tb\r\n", "22P04 literal carriage return found in data (COPY t, line 2)");
    check(
        text(),
        "1\ta\\0\n",
        "22021 invalid byte sequence for encoding \"UTF8\": 0x00 (COPY t, line 1, column b: \"1\ta\\0\")",
    );
    let header = CopyInput::Text { delimiter: b'|', null: "".into(), header: HeaderLine::Match };
    check(header.clone(), "a|b\n1|\n", "1,NULL\n");
    check(
        header,
        "a|x\n1|\n",
        "22P04 column name mismatch in header line field 2: got \"x\", expected \"b\" (COPY t, line 1: \"a|x\")",
    );
}

#[test]
fn copied_csv() {
    let csv = CopyInput::csv;
    check(csv(), "1,a\n2,\n3,\"\"\n4,\"x\"\"y,\nz\"\n", "1,a\n2,NULL\n3,\n4,\"x\"\"y,\nz\"\n");
    check(csv(), "1,a\"b,c\"d\r\n2,b\r\n", "1,\"ab,cd\"\n2,b\n");
    check(
        csv(),
        "1,\"a\nb\"\nx,\n",
        "22P02 invalid input syntax for type integer: \"x\" (COPY t, line 2, column a: \"x\")",
    );
    check(csv(), "1,\"a\n", "22P04 unterminated CSV quoted field (COPY t, line 1: \"1,\"a\n\")");
    check(csv(), "1,a\n\\.\n2,b\n", "1,a\n");
    let force = vec![ForceNull::default(), ForceNull { null: true, not_null: true }];
    let (quote, escape) = (b'\'', b'\\');
    let forced = CopyInput::Csv { delimiter: b';', null: "-".into(), header: HeaderLine::Skip, quote, escape, force };
    check(forced, "x\n1;-\n2;'-'\n3;'it\\'s'\n", "1,-\n2,NULL\n3,it's\n");
}

/// A batch with each kind of escape in it, and many rows.
fn sample(rows: &[(i32, String)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (number, text) in rows {
        let quoted = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
        data.extend_from_slice(format!("{number}\t{quoted}\t{number}.25\t{{a,\"b c\",NULL}}\n").as_bytes());
    }
    data
}

fn copy_formats() -> [(CopyFormat, CopyInput); 3] {
    [
        (CopyFormat::Text(TextOptions::default()), CopyInput::text()),
        (CopyFormat::Csv(CsvOptions::default()), CopyInput::csv()),
        (CopyFormat::Binary, CopyInput::Binary),
    ]
}

proptest! {
    #[test]
    fn copy_out_and_in_again(
        rows in prop::collection::vec((any::<i32>(), "[^\0]{0,12}"), 1..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let batch = copy_in(CopyInput::text(), columns(), &[&sample(&rows)]).unwrap();
        for (format, input) in copy_formats() {
            let mut out = BytesMut::new();
            let mut encoder = CopyEncoder::new(batch.schema(), format, Settings::default());
            encoder.encode(&batch, 0..batch.num_rows(), &mut out, usize::MAX).unwrap();
            encoder.finish(&mut out).unwrap();
            let mut data = Vec::new();
            while !out.is_empty() {
                let length = u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize;
                data.extend_from_slice(&out.split_to(length + 1)[5..]);
            }
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).chain([0, data.len()]).collect();
            ends.sort_unstable();
            let chunks: Vec<&[u8]> = ends.windows(2).map(|pair| &data[pair[0]..pair[1]]).collect();
            prop_assert_eq!(copy_in(input, columns(), &chunks).unwrap(), batch.clone());
        }
    }

    #[test]
    fn noise_is_an_error(text in ".{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..60), pick in any::<prop::sample::Index>()) {
        let (oid, ..) = defaults()[pick.index(defaults().len())];
        let _ = read(oid, Format::Text, text.as_bytes());
        let _ = read(oid, Format::Binary, &bytes);
        for (_, input) in copy_formats() {
            let _ = copy_in(input, columns(), &[&bytes]);
        }
    }

    #[test]
    fn near_misses_are_errors(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (oid, text, ..) = &defaults()[pick.index(defaults().len())];
        let oid = *oid;
        let mut changed = text.as_bytes().to_vec();
        if !changed.is_empty() {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        let _ = read(oid, Format::Text, &changed);
        changed.push(byte);
        let _ = read(oid, Format::Text, &changed);
    }

    #[test]
    fn numbers_come_back(int in any::<i64>(), float in any::<f64>(), single in any::<f32>(), days in -2_440_588..2_145_042_906_i32,
        micros in -210_866_803_200_000_000..9_223_372_036_854_775_806_i64) {
        use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array, TimestampMicrosecondArray};
        let settings = Settings::default();
        let decimal = Decimal128Array::from(vec![i128::from(int) * 1_000_000_007]).with_precision_and_scale(38, 10).unwrap();
        let columns: [(u32, ArrayRef); 6] = [
            (20, Arc::new(Int64Array::from(vec![int]))),
            (701, Arc::new(Float64Array::from(vec![float]))),
            (700, Arc::new(Float32Array::from(vec![single]))),
            (1082, Arc::new(Date32Array::from(vec![days]))),
            (1114, Arc::new(TimestampMicrosecondArray::from(vec![micros]))),
            (1700, Arc::new(decimal)),
        ];
        for (oid, column) in columns {
            let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
            for format in [Format::Text, Format::Binary] {
                let encode = |batch: &RecordBatch| {
                    let mut out = BytesMut::new();
                    crate::encode::RowEncoder::new(batch.schema(), vec![format], settings.clone())
                        .encode(batch, 0..1, &mut out, 0).unwrap();
                    out.freeze().slice(11..)
                };
                let sent = encode(&batch);
                let back = parameters(&[oid], &[format], &[Some(sent.clone())], &settings).unwrap();
                if oid != 1700 {
                    prop_assert_eq!(format!("{:?}", back.column(0)), format!("{:?}", batch.column(0)));
                }
                prop_assert_eq!(encode(&back), sent);
            }
        }
    }
}
