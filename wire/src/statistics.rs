//! What is known of relations before anything of them is read.
//!
//! A gateway plans a statement on statistics alone, and has no DuckDB and no route to a store: it sends the tables and table
//! functions that it found in a statement to a worker, which answers for each under the session's own settings, credentials and
//! allow-list. What is not known is absent; what is estimated, sampled or left out says so. Values are texts as DuckDB
//! writes them: their types are those of the schema.

/// Action: what is known of relations. The body is a [`StatisticsRequest`], the one result a [`StatisticsAnswer`].
pub const STATISTICS: &str = "tavana.Statistics";

/// The version of the messages below; it grows when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Relations that one request may name.
pub const MAX_RELATIONS: usize = 64;

/// What a gateway wants to know.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StatisticsRequest {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// As many as [`MAX_RELATIONS`].
    #[prost(message, repeated, tag = "2")]
    pub relations: Vec<Relation>,
    /// Milliseconds after which the worker begins to look at no further relation; none when it is 0. What it looks at then is ended
    /// by the deadline of the call.
    #[prost(uint64, tag = "3")]
    pub budget_ms: u64,
}

/// A table reference of a statement.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Relation {
    /// Which form it has.
    #[prost(oneof = "Reference", tags = "1, 2")]
    pub reference: Option<Reference>,
}

/// The forms of a table reference.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Reference {
    /// `catalog.schema.table`, or the name of a file.
    #[prost(message, tag = "1")]
    Name(TableName),
    /// `read_parquet('s3://bucket/*.parquet')`.
    #[prost(message, tag = "2")]
    Call(TableFunction),
}

/// A name as the statement has it, without its quotes: one, two or three parts.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TableName {
    /// The parts, the table last.
    #[prost(string, repeated, tag = "1")]
    pub parts: Vec<String>,
}

/// A call of a function that reads files.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TableFunction {
    /// Its name, without a schema.
    #[prost(string, tag = "1")]
    pub function: String,
    /// Its arguments, those without a name first.
    #[prost(message, repeated, tag = "2")]
    pub arguments: Vec<Argument>,
}

/// One constant argument.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Argument {
    /// Its name; empty for one that is told by its place.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its value.
    #[prost(oneof = "ArgumentValue", tags = "2, 3, 4, 5, 6")]
    pub value: Option<ArgumentValue>,
}

/// The values that arguments take.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ArgumentValue {
    /// A string.
    #[prost(string, tag = "2")]
    Text(String),
    /// A switch.
    #[prost(bool, tag = "3")]
    Bool(bool),
    /// A whole number.
    #[prost(int64, tag = "4")]
    Int(i64),
    /// A fraction.
    #[prost(double, tag = "5")]
    Double(f64),
    /// A list of strings.
    #[prost(message, tag = "6")]
    Texts(TextList),
}

/// A list of strings.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TextList {
    /// Its items.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// What a worker knows.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StatisticsAnswer {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// First the relations of the request in their order, then those that views among them read.
    #[prost(message, repeated, tag = "2")]
    pub relations: Vec<RelationStatistics>,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum RelationKind {
    /// Not found, not readable, or of no kind below.
    Unknown = 0,
    /// A table of DuckDB's own.
    Table = 1,
    /// A view.
    View = 2,
    /// Parquet files.
    Parquet = 3,
    /// CSV files.
    Csv = 4,
    /// JSON files.
    Json = 5,
    /// A table of a DuckLake.
    Ducklake = 6,
    /// A Delta table.
    Delta = 7,
    /// An Iceberg table.
    Iceberg = 8,
    /// A table of another database, such as PostgreSQL.
    Foreign = 9,
}

/// What is known of one relation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RelationStatistics {
    /// What it is.
    #[prost(enumeration = "RelationKind", tag = "1")]
    pub kind: i32,
    /// Catalog, schema and name of a table or view; empty for files.
    #[prost(string, repeated, tag = "2")]
    pub name: Vec<String>,
    /// Its Arrow schema as an encapsulated IPC message, the same that its rows would have.
    #[prost(bytes = "vec", tag = "3")]
    pub schema: Vec<u8>,
    /// How many rows it has.
    #[prost(uint64, optional, tag = "4")]
    pub rows: Option<u64>,
    /// [`Self::rows`] was counted, not estimated.
    #[prost(bool, tag = "5")]
    pub has_exact_rows: bool,
    /// Bytes that it takes where it is stored, compressed as it is there.
    #[prost(uint64, optional, tag = "6")]
    pub stored_bytes: Option<u64>,
    /// What is known of its columns, of the sample where [`Self::is_sampled`].
    #[prost(message, repeated, tag = "7")]
    pub columns: Vec<ColumnStatistics>,
    /// Its files; fewer than [`Self::file_count`] when the rest is left out.
    #[prost(message, repeated, tag = "8")]
    pub files: Vec<FileStatistics>,
    /// How many files it has.
    #[prost(uint64, tag = "9")]
    pub file_count: u64,
    /// Not all files or row groups were looked at: totals are scaled up from an even sample.
    #[prost(bool, tag = "10")]
    pub is_sampled: bool,
    /// What is not known or not exact, and why; for people.
    #[prost(string, repeated, tag = "11")]
    pub because: Vec<String>,
    /// The query of a view.
    #[prost(string, tag = "12")]
    pub definition: String,
    /// What a view reads: places in [`StatisticsAnswer::relations`].
    #[prost(uint32, repeated, tag = "13")]
    pub reads: Vec<u32>,
    /// Why nothing, or not all, could be read.
    #[prost(message, optional, tag = "14")]
    pub failure: Option<StatisticsFailure>,
    /// Bytes of a block, where columns tell the blocks that hold them; else 0.
    #[prost(uint64, tag = "15")]
    pub block_bytes: u64,
    /// How many indexes a table has, its keys among them.
    #[prost(uint64, tag = "16")]
    pub indexes: u64,
}

/// Why a relation could not be looked at.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StatisticsFailure {
    /// The label of a [`crate::FailureKind`].
    #[prost(string, tag = "1")]
    pub kind: String,
    /// The reason, as the statement itself would give it.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// What is known of a column, of a relation, a file or a row group.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ColumnStatistics {
    /// Its name; the path of a leaf in a nested column of Parquet, with `, ` between its parts.
    #[prost(string, tag = "1")]
    pub name: String,
    /// No value is less; it need not occur.
    #[prost(string, optional, tag = "2")]
    pub min: Option<String>,
    /// No value is greater; it need not occur.
    #[prost(string, optional, tag = "3")]
    pub max: Option<String>,
    /// How many values are null; by a sample of rows where the whole was not counted.
    #[prost(uint64, optional, tag = "4")]
    pub null_count: Option<u64>,
    /// About how many different values there are.
    #[prost(uint64, optional, tag = "5")]
    pub distinct_count: Option<u64>,
    /// Bytes in storage.
    #[prost(uint64, optional, tag = "6")]
    pub compressed_bytes: Option<u64>,
    /// Bytes in Parquet's encoding, before compression.
    #[prost(uint64, optional, tag = "7")]
    pub uncompressed_bytes: Option<u64>,
    /// Bytes a value takes in Arrow, from a sample of rows.
    #[prost(double, optional, tag = "8")]
    pub average_bytes: Option<f64>,
    /// The blocks that hold it, by their places in the file of the database. A block may hold several columns, and is read whole.
    #[prost(uint32, repeated, tag = "9")]
    pub blocks: Vec<u32>,
}

/// What is known of a file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FileStatistics {
    /// Its name or address.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its size.
    #[prost(uint64, optional, tag = "2")]
    pub bytes: Option<u64>,
    /// When it was last changed, in microseconds since 1970; with the size it tells versions apart.
    #[prost(int64, optional, tag = "3")]
    pub modified_unix_us: Option<i64>,
    /// How many rows it has.
    #[prost(uint64, optional, tag = "4")]
    pub rows: Option<u64>,
    /// Values of the partition columns that its path or catalog tells.
    #[prost(message, repeated, tag = "5")]
    pub partitions: Vec<PartitionValue>,
    /// Its columns.
    #[prost(message, repeated, tag = "6")]
    pub columns: Vec<ColumnStatistics>,
    /// Its row groups; empty when they are left out or it has none.
    #[prost(message, repeated, tag = "7")]
    pub row_groups: Vec<RowGroupStatistics>,
}

/// The value of a partition column, one for a whole file.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PartitionValue {
    /// The column.
    #[prost(string, tag = "1")]
    pub column: String,
    /// Its value; absent when it is null.
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

/// What is known of a row group.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RowGroupStatistics {
    /// How many rows it has.
    #[prost(uint64, tag = "1")]
    pub rows: u64,
    /// Its columns.
    #[prost(message, repeated, tag = "2")]
    pub columns: Vec<ColumnStatistics>,
}
