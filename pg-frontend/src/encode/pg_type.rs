//! Which PostgreSQL type a column of DuckDB has.
//!
//! DuckDB's Arrow export names its own types in extension metadata when `arrow_lossless_conversion` is on and squeezes them
//! into plain Arrow types when it is off. Both forms are read here and lead to a [`PgType`]: what `RowDescription` says,
//! and how the encoders write the values. The answer depends on the type alone, never on values, because a client is told
//! it before the first row exists. So a list of lists is JSON (its rows need not be rectangular), while DuckDB's `ARRAY`s,
//! which are always rectangular, are dimensions of a PostgreSQL array.

use arrow::datatypes::{DataType, Field};

/// A decimal of 38 digits with this many behind the point, or more, stands for a `numeric` without precision: zeros at its
/// end are not shown.
pub(crate) const UNCONSTRAINED_SCALE: i8 = 10;

/// PostgreSQL arrays have at most this many dimensions.
const MAX_DIMENSIONS: u8 = 6;

/// A PostgreSQL type without its array dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Varchar,
    Bpchar,
    Name,
    Oid,
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    Bit,
    Varbit,
    /// A type of PostgreSQL's catalogs, by its place in a list of them. Its values come in DuckDB's nearest type.
    Catalog(u8),
}

/// What `RowDescription` tells about a scalar type: its OID, the OID of its array, its size in bytes, its name.
#[derive(Clone, Copy)]
struct Facts(u32, u32, i16, &'static str);

/// Types that only PostgreSQL's catalogs have.
const CATALOG: [Facts; 16] = [
    Facts(18, 1002, 1, "\"char\""),
    Facts(22, 1006, -1, "int2vector"),
    Facts(30, 1013, -1, "oidvector"),
    Facts(24, 1008, 4, "regproc"),
    Facts(2202, 2207, 4, "regprocedure"),
    Facts(2203, 2208, 4, "regoper"),
    Facts(2204, 2209, 4, "regoperator"),
    Facts(2205, 2210, 4, "regclass"),
    Facts(2206, 2211, 4, "regtype"),
    Facts(4089, 4090, 4, "regnamespace"),
    Facts(4096, 4097, 4, "regrole"),
    Facts(28, 1011, 4, "xid"),
    Facts(1033, 1034, 16, "aclitem"),
    Facts(194, 0, -1, "pg_node_tree"),
    Facts(869, 1041, -1, "inet"),
    Facts(3220, 3221, 8, "pg_lsn"),
];

impl Scalar {
    const ALL: [Self; 24] = [
        Self::Bool,
        Self::Int2,
        Self::Int4,
        Self::Int8,
        Self::Float4,
        Self::Float8,
        Self::Numeric,
        Self::Text,
        Self::Varchar,
        Self::Bpchar,
        Self::Name,
        Self::Oid,
        Self::Bytea,
        Self::Date,
        Self::Time,
        Self::TimeTz,
        Self::Timestamp,
        Self::TimestampTz,
        Self::Interval,
        Self::Uuid,
        Self::Json,
        Self::Jsonb,
        Self::Bit,
        Self::Varbit,
    ];

    const fn facts(self) -> Facts {
        match self {
            Self::Bool => Facts(16, 1000, 1, "boolean"),
            Self::Int2 => Facts(21, 1005, 2, "smallint"),
            Self::Int4 => Facts(23, 1007, 4, "integer"),
            Self::Int8 => Facts(20, 1016, 8, "bigint"),
            Self::Float4 => Facts(700, 1021, 4, "real"),
            Self::Float8 => Facts(701, 1022, 8, "double precision"),
            Self::Numeric => Facts(1700, 1231, -1, "numeric"),
            Self::Text => Facts(25, 1009, -1, "text"),
            Self::Varchar => Facts(1043, 1015, -1, "character varying"),
            Self::Bpchar => Facts(1042, 1014, -1, "character"),
            Self::Name => Facts(19, 1003, 64, "name"),
            Self::Oid => Facts(26, 1028, 4, "oid"),
            Self::Bytea => Facts(17, 1001, -1, "bytea"),
            Self::Date => Facts(1082, 1182, 4, "date"),
            Self::Time => Facts(1083, 1183, 8, "time"),
            Self::TimeTz => Facts(1266, 1270, 12, "time with time zone"),
            Self::Timestamp => Facts(1114, 1115, 8, "timestamp"),
            Self::TimestampTz => Facts(1184, 1185, 8, "timestamp with time zone"),
            Self::Interval => Facts(1186, 1187, 16, "interval"),
            Self::Uuid => Facts(2950, 2951, 16, "uuid"),
            Self::Json => Facts(114, 199, -1, "json"),
            Self::Jsonb => Facts(3802, 3807, -1, "jsonb"),
            Self::Bit => Facts(1560, 1561, -1, "bit"),
            Self::Varbit => Facts(1562, 1563, -1, "bit varying"),
            Self::Catalog(place) => CATALOG[place as usize],
        }
    }

    /// The OID of the type itself.
    pub const fn oid(self) -> u32 {
        self.facts().0
    }

    /// The type with this internal name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric,
            "text" => Self::Text,
            "varchar" => Self::Varchar,
            "bpchar" => Self::Bpchar,
            "name" => Self::Name,
            "oid" => Self::Oid,
            "bytea" => Self::Bytea,
            "date" => Self::Date,
            "time" => Self::Time,
            "timetz" => Self::TimeTz,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::TimestampTz,
            "interval" => Self::Interval,
            "uuid" => Self::Uuid,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "bit" => Self::Bit,
            "varbit" => Self::Varbit,
            _ => return None,
        })
    }

    /// The name PostgreSQL uses for the type in messages.
    pub const fn name(self) -> &'static str {
        self.facts().3
    }
}

/// A PostgreSQL type as `RowDescription` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PgType {
    /// The type, or that of the elements of an array.
    pub scalar: Scalar,
    /// 0 for a scalar, else the number of dimensions of its values.
    pub dimensions: u8,
    /// Type modifier, -1 where there is none: `((precision << 16) | scale) + 4` for `numeric`.
    pub typmod: i32,
}

impl PgType {
    /// A scalar type without a modifier.
    pub const fn scalar(scalar: Scalar) -> Self {
        Self { scalar, dimensions: 0, typmod: -1 }
    }

    /// The OID of a built-in type that PostgreSQL shows by this name.
    pub(super) fn oid_of_name(name: &str) -> Option<u32> {
        let array = name.strip_suffix("[]");
        let element = array.unwrap_or(name);
        // Messages call these by their shorter names.
        let element = element.strip_suffix(" without time zone").unwrap_or(element);
        let places = (0..).zip(&CATALOG).map(|(place, _)| Scalar::Catalog(place));
        let scalar = Scalar::ALL.into_iter().chain(places).find(|scalar| scalar.name() == element)?;
        Some(Self { dimensions: u8::from(array.is_some()), ..Self::scalar(scalar) }.oid())
    }

    /// The type of a column as DuckDB exports it.
    pub fn from_field(field: &Field) -> Self {
        told_type(field).or_else(|| super::declared::of(field)).unwrap_or_else(|| Self::native(field))
    }

    /// The type that DuckDB's own type of a column stands for.
    pub(super) fn native(field: &Field) -> Self {
        match field.data_type() {
            DataType::List(item) | DataType::FixedSizeList(item, _) => of_list(item),
            DataType::Dictionary(_, values) => Self::from_field(&Field::new("", (**values).clone(), true)),
            data_type => Self { typmod: typmod_of(data_type), ..Self::scalar(scalar_of(field)) },
        }
    }

    /// The type with this OID: `None` for one that we have no values of. `unknown` and 0 are text.
    pub fn from_oid(oid: u32, typmod: i32) -> Option<Self> {
        if matches!(oid, 0 | 705) {
            return Some(Self::scalar(Scalar::Text));
        }
        Scalar::ALL.into_iter().find_map(|scalar| {
            let Facts(own, array, ..) = scalar.facts();
            let dimensions = if own == oid { 0 } else { 1 };
            (own == oid || array == oid).then_some(Self { scalar, dimensions, typmod })
        })
    }

    /// The type with this OID, one of the catalogs' included.
    fn of_catalog(oid: u32, typmod: i32) -> Option<Self> {
        let places = (0..).zip(&CATALOG);
        let of_catalog = places.filter(|(_, facts)| oid != 0 && (facts.0 == oid || facts.1 == oid));
        let of_catalog = of_catalog.map(|(place, facts)| {
            let dimensions = u8::from(facts.0 != oid);
            Self { scalar: Scalar::Catalog(place), dimensions, typmod }
        });
        of_catalog.into_iter().next().or_else(|| Self::from_oid(oid, typmod))
    }

    /// Whether values are numbers in a line without braces.
    pub(crate) const fn is_vector(self) -> bool {
        self.dimensions == 0 && matches!(self.oid(), 22 | 30)
    }

    /// Whether DuckDB's 64 bits are four bytes for the client.
    const fn is_oid(self) -> bool {
        matches!(self.scalar, Scalar::Oid) || matches!(self.scalar, Scalar::Catalog(_)) && self.scalar.facts().2 == 4
    }

    /// The OID of the type, that of the array type where there are dimensions.
    pub const fn oid(self) -> u32 {
        if self.dimensions == 0 { self.scalar.facts().0 } else { self.scalar.facts().1 }
    }

    /// Size in bytes, -1 where it varies.
    pub const fn size(self) -> i16 {
        if self.dimensions == 0 { self.scalar.facts().2 } else { -1 }
    }

    /// Whether its values are numbers.
    pub const fn is_number(self) -> bool {
        use Scalar::{Float4, Float8, Int2, Int4, Int8, Numeric};
        self.dimensions == 0 && matches!(self.scalar, Int2 | Int4 | Int8 | Float4 | Float8 | Numeric)
    }

    /// Precision and scale of a `numeric` with a modifier.
    pub const fn precision_scale(self) -> Option<(u8, i8)> {
        if !matches!(self.scalar, Scalar::Numeric) || self.typmod < 4 {
            return None;
        }
        let bits = self.typmod - 4;
        Some(((bits >> 16) as u8, (bits & 0x7ff) as i8))
    }
}

/// The field with another type for the client than its own, if its values can be told as that.
pub(crate) fn tell_type(field: &Field, oid: u32, typmod: i32) -> Option<Field> {
    let told = PgType::of_catalog(oid, typmod)?;
    let data_type = match field.data_type() {
        DataType::List(item) if told.is_vector() => {
            let element = if oid == 22 { 21 } else { 26 };
            DataType::List(tell_type(item, element, -1)?.into())
        }
        DataType::List(item) if told.dimensions > 0 => DataType::List(tell_type(item, told.scalar.oid(), -1)?.into()),
        DataType::Int64 if told.dimensions == 0 && told.is_oid() => DataType::Int64,
        DataType::Int16 if oid == 21 => DataType::Int16,
        // DuckDB's NULL without a type is a number.
        DataType::Int32 if oid == 25 => DataType::Int32,
        // The names of objects, too, are text.
        DataType::Utf8 if told.dimensions == 0 && !told.is_vector() && !told.scalar.is_plain() => DataType::Utf8,
        _ => return None,
    };
    let metadata = [(TOLD_TYPE.to_owned(), format!("{oid} {typmod}"))].into();
    Some(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata))
}

const TOLD_TYPE: &str = "tavana.pg_type";

fn told_type(field: &Field) -> Option<PgType> {
    let (oid, typmod) = field.metadata().get(TOLD_TYPE)?.split_once(' ')?;
    PgType::of_catalog(oid.parse().ok()?, typmod.parse().ok()?)
}

/// Whether a field's 64 bits are four bytes for the client.
pub(crate) fn is_told_oid(field: &Field) -> bool {
    told_type(field).is_some_and(PgType::is_oid)
}

/// A list's type: an array where every value of the element type fits into one.
fn of_list(item: &Field) -> PgType {
    let json = PgType::scalar(Scalar::Json);
    let inner = PgType::from_field(item);
    match item.data_type() {
        DataType::List(_) => json,
        DataType::FixedSizeList(..) if inner.dimensions == 0 || inner.dimensions == MAX_DIMENSIONS => json,
        DataType::FixedSizeList(..) => PgType { dimensions: inner.dimensions + 1, ..inner },
        _ => PgType { dimensions: 1, ..inner },
    }
}

fn typmod_of(data_type: &DataType) -> i32 {
    match data_type {
        // An integer that DuckDB squeezed into a decimal is told by its scale; a declared decimal(38,0) is rare.
        DataType::Decimal128(38, 0) => -1,
        // A `numeric` without precision, and what is computed of one.
        DataType::Decimal128(38, UNCONSTRAINED_SCALE..) => -1,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4,
        _ => -1,
    }
}

fn scalar_of(field: &Field) -> Scalar {
    match Extension::of(field) {
        Extension::Bool8 => return Scalar::Bool,
        Extension::Uuid => return Scalar::Uuid,
        Extension::Json => return Scalar::Json,
        Extension::Hugeint | Extension::Uhugeint | Extension::Bignum => return Scalar::Numeric,
        Extension::Bit => return Scalar::Varbit,
        Extension::TimeTz => return Scalar::TimeTz,
        Extension::None => {}
    }
    match field.data_type() {
        DataType::Boolean => Scalar::Bool,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => Scalar::Int2,
        DataType::UInt16 | DataType::Int32 => Scalar::Int4,
        DataType::UInt32 | DataType::Int64 => Scalar::Int8,
        DataType::Float32 => Scalar::Float4,
        DataType::Float64 => Scalar::Float8,
        DataType::UInt64 | DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            Scalar::Numeric
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Scalar::Bytea,
        DataType::Date32 => Scalar::Date,
        DataType::Time32(_) | DataType::Time64(_) => Scalar::Time,
        DataType::Timestamp(_, None) => Scalar::Timestamp,
        DataType::Timestamp(_, Some(_)) => Scalar::TimestampTz,
        DataType::Interval(_) => Scalar::Interval,
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => Scalar::Json,
        _ => Scalar::Text,
    }
}

/// DuckDB's own types as its lossless Arrow export names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    None,
    Bool8,
    Uuid,
    Json,
    Hugeint,
    Uhugeint,
    Bignum,
    Bit,
    TimeTz,
}

impl Extension {
    /// The extension that the field's metadata names.
    pub(crate) fn of(field: &Field) -> Self {
        let metadata = field.metadata();
        match metadata.get(EXTENSION_NAME).map(String::as_str) {
            Some("arrow.bool8") => Self::Bool8,
            Some("arrow.uuid") => Self::Uuid,
            Some("arrow.json") => Self::Json,
            Some("arrow.opaque") => match metadata.get(EXTENSION_METADATA).and_then(|json| type_name(json)) {
                Some("hugeint") => Self::Hugeint,
                Some("uhugeint") => Self::Uhugeint,
                Some("bignum") => Self::Bignum,
                Some("bit") => Self::Bit,
                Some("time_tz") => Self::TimeTz,
                _ => Self::None,
            },
            _ => Self::None,
        }
    }

    /// The field with the metadata by which DuckDB knows the extension again.
    pub(crate) fn mark(self, field: Field) -> Field {
        let (name, opaque) = match self {
            Self::None => return field,
            Self::Bool8 => ("arrow.bool8", ""),
            Self::Uuid => ("arrow.uuid", ""),
            Self::Json => ("arrow.json", ""),
            Self::Hugeint => ("arrow.opaque", "hugeint"),
            Self::Uhugeint => ("arrow.opaque", "uhugeint"),
            Self::Bignum => ("arrow.opaque", "bignum"),
            Self::Bit => ("arrow.opaque", "bit"),
            Self::TimeTz => ("arrow.opaque", "time_tz"),
        };
        let json = match opaque {
            "" => String::new(),
            name => format!(r#"{{"type_name":"{name}","vendor_name":"DuckDB"}}"#),
        };
        field.with_metadata([(EXTENSION_NAME.into(), name.into()), (EXTENSION_METADATA.into(), json)].into())
    }
}

const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// The value of `type_name` in the metadata of an opaque type, a flat JSON object whose names need no escapes.
fn type_name(json: &str) -> Option<&str> {
    let (_, rest) = json.split_once("\"type_name\"")?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn check(data_type: DataType, extension: Extension, oid: u32, size: i16, typmod: i32) {
        let found = PgType::from_field(&extension.mark(Field::new("a", data_type.clone(), true)));
        assert_eq!((found.oid(), found.size(), found.typmod), (oid, size, typmod), "{data_type}");
    }

    fn list(of: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("l", of, true)))
    }

    fn array(of: DataType) -> DataType {
        DataType::FixedSizeList(Arc::new(Field::new("", of, true)), 2)
    }

    #[test]
    fn types_of_duckdb() {
        check(DataType::Boolean, Extension::None, 16, 1, -1);
        check(DataType::Int8, Extension::Bool8, 16, 1, -1);
        check(DataType::UInt8, Extension::None, 21, 2, -1);
        check(DataType::UInt16, Extension::None, 23, 4, -1);
        check(DataType::UInt32, Extension::None, 20, 8, -1);
        check(DataType::UInt64, Extension::None, 1700, -1, -1);
        check(DataType::Decimal128(15, 2), Extension::None, 1700, -1, (15 << 16) + 2 + 4);
        check(DataType::Decimal128(38, 0), Extension::None, 1700, -1, -1);
        check(DataType::FixedSizeBinary(16), Extension::Hugeint, 1700, -1, -1);
        check(DataType::FixedSizeBinary(16), Extension::Uuid, 2950, 16, -1);
        check(DataType::FixedSizeBinary(8), Extension::TimeTz, 1266, 12, -1);
        check(DataType::Binary, Extension::Bit, 1562, -1, -1);
        check(DataType::Binary, Extension::None, 17, -1, -1);
        check(DataType::Utf8, Extension::Json, 114, -1, -1);
        check(DataType::Null, Extension::None, 25, -1, -1);
        check(DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8)), Extension::None, 25, -1, -1);
        check(list(DataType::Int32), Extension::None, 1007, -1, -1);
        check(list(array(DataType::Int32)), Extension::None, 1007, -1, -1);
        check(list(list(DataType::Int32)), Extension::None, 114, -1, -1);
        check(array(list(DataType::Int32)), Extension::None, 114, -1, -1);
        check(list(array(list(DataType::Int32))), Extension::None, 114, -1, -1);
        check(list(DataType::Struct(Vec::<Field>::new().into())), Extension::None, 199, -1, -1);
    }

    #[test]
    fn oids_lead_back() {
        for scalar in Scalar::ALL {
            let found = PgType::from_oid(scalar.oid(), -1);
            assert_eq!(found, Some(PgType::scalar(scalar)));
            assert_eq!(
                PgType::from_oid(PgType { dimensions: 1, ..PgType::scalar(scalar) }.oid(), -1).map(|t| t.dimensions),
                Some(1)
            );
        }
        assert_eq!(PgType::from_oid(600, -1), None);
        assert_eq!(
            PgType { typmod: (38 << 16) + 10 + 4, ..PgType::scalar(Scalar::Numeric) }.precision_scale(),
            Some((38, 10))
        );
    }
}
