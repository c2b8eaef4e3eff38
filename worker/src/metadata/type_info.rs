//! The types of DuckDB, in the terms of ODBC and JDBC.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType as Xdbc, XdbcDatetimeSubcode as Subcode};
use tavana_wire::{Failure, FailureKind};

pub(super) fn schema() -> SchemaRef {
    XdbcTypeInfoDataBuilder::new().schema()
}

pub(super) fn answer(data_type: Option<i32>) -> Result<RecordBatch, Failure> {
    let fault = |error| Failure::new(FailureKind::Internal, format!("type info could not be built: {error}"));
    data().map_err(fault)?.record_batch(data_type).map_err(fault)
}

fn data() -> arrow_flight::error::Result<XdbcTypeInfoData> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, xdbc, digits, unsigned) in [
        ("TINYINT", Xdbc::XdbcTinyint, 3, false),
        ("SMALLINT", Xdbc::XdbcSmallint, 5, false),
        ("INTEGER", Xdbc::XdbcInteger, 10, false),
        ("BIGINT", Xdbc::XdbcBigint, 19, false),
        ("HUGEINT", Xdbc::XdbcNumeric, 39, false),
        ("UTINYINT", Xdbc::XdbcTinyint, 3, true),
        ("USMALLINT", Xdbc::XdbcSmallint, 5, true),
        ("UINTEGER", Xdbc::XdbcInteger, 10, true),
        ("UBIGINT", Xdbc::XdbcBigint, 20, true),
        ("UHUGEINT", Xdbc::XdbcNumeric, 39, true),
        ("FLOAT", Xdbc::XdbcReal, 7, false),
        ("DOUBLE", Xdbc::XdbcDouble, 15, false),
    ] {
        let mut info = plain(name, xdbc);
        info.column_size = Some(digits);
        info.unsigned_attribute = Some(unsigned);
        info.auto_increment = Some(false);
        info.num_prec_radix = Some(10);
        builder.append(info);
    }
    builder.append(decimal());
    for (name, xdbc) in [
        ("VARCHAR", Xdbc::XdbcVarchar),
        ("UUID", Xdbc::XdbcVarchar),
        ("JSON", Xdbc::XdbcLongvarchar),
        ("ENUM", Xdbc::XdbcVarchar),
        ("BIT", Xdbc::XdbcVarchar),
        ("BLOB", Xdbc::XdbcVarbinary),
        ("BOOLEAN", Xdbc::XdbcBit),
        ("STRUCT", Xdbc::XdbcUnknownType),
        ("LIST", Xdbc::XdbcUnknownType),
        ("ARRAY", Xdbc::XdbcUnknownType),
        ("MAP", Xdbc::XdbcUnknownType),
        ("UNION", Xdbc::XdbcUnknownType),
    ] {
        let mut info = quoted(name, xdbc);
        info.case_sensitive = matches!(name, "VARCHAR" | "JSON" | "ENUM");
        builder.append(info);
    }
    for (name, xdbc, size, subcode) in [
        // ODBC gives dates the code 1, which Flight SQL calls "year".
        ("DATE", Xdbc::XdbcDate, 10, Subcode::XdbcSubcodeYear),
        ("TIME", Xdbc::XdbcTime, 15, Subcode::XdbcSubcodeTime),
        ("TIME WITH TIME ZONE", Xdbc::XdbcTime, 21, Subcode::XdbcSubcodeTimeWithTimezone),
        ("TIMESTAMP", Xdbc::XdbcTimestamp, 26, Subcode::XdbcSubcodeTimestamp),
        ("TIMESTAMP_S", Xdbc::XdbcTimestamp, 19, Subcode::XdbcSubcodeTimestamp),
        ("TIMESTAMP_MS", Xdbc::XdbcTimestamp, 23, Subcode::XdbcSubcodeTimestamp),
        ("TIMESTAMP_NS", Xdbc::XdbcTimestamp, 29, Subcode::XdbcSubcodeTimestamp),
        ("TIMESTAMP WITH TIME ZONE", Xdbc::XdbcTimestamp, 32, Subcode::XdbcSubcodeTimestampWithTimezone),
    ] {
        let mut info = quoted(name, xdbc);
        info.column_size = Some(size);
        info.sql_data_type = Xdbc::XdbcDatetime;
        info.datetime_subcode = Some(subcode);
        builder.append(info);
    }
    builder.append(quoted("INTERVAL", Xdbc::XdbcInterval));
    builder.build()
}

fn decimal() -> XdbcTypeInfo {
    XdbcTypeInfo {
        column_size: Some(38),
        create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        num_prec_radix: Some(10),
        ..plain("DECIMAL", Xdbc::XdbcDecimal)
    }
}

/// A type whose literals stand in single quotes.
fn quoted(name: &str, xdbc: Xdbc) -> XdbcTypeInfo {
    XdbcTypeInfo { literal_prefix: Some("'".to_owned()), literal_suffix: Some("'".to_owned()), ..plain(name, xdbc) }
}

fn plain(name: &str, xdbc: Xdbc) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type: xdbc,
        column_size: None,
        literal_prefix: None,
        literal_suffix: None,
        create_params: None,
        nullable: Nullable::NullabilityNullable,
        case_sensitive: false,
        searchable: Searchable::Full,
        unsigned_attribute: None,
        fixed_prec_scale: false,
        auto_increment: None,
        local_type_name: Some(name.to_owned()),
        minimum_scale: None,
        maximum_scale: None,
        sql_data_type: xdbc,
        datetime_subcode: None,
        num_prec_radix: None,
        interval_precision: None,
    }
}
