//! Functions as the planner sees them: names with a plausible type.
//!
//! Nothing is computed, so a function needs no body, and one that nobody here knows must not keep a statement from being planned: every name
//! is a function, and its type is guessed from its name, else from what it is given.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::function::{AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, PartitionEvaluator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

/// What a function is called for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stub {
    name: String,
    signature: Signature,
}

/// A function of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scalar(Stub);
/// A function of the rows of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Aggregate(Stub);
/// A function of the rows around one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Windowed(Stub);

impl Stub {
    fn new(name: &str) -> Self {
        Self { name: name.to_lowercase(), signature: Signature::user_defined(Volatility::Immutable) }
    }
}

const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_count_distinct",
    "approx_quantile",
    "approx_top_k",
    "arbitrary",
    "arg_max",
    "arg_min",
    "argmax",
    "argmin",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bitstring_agg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "count_if",
    "count_star",
    "countif",
    "covar_pop",
    "covar_samp",
    "entropy",
    "favg",
    "first",
    "first_value",
    "fsum",
    "geomean",
    "geometric_mean",
    "group_concat",
    "histogram",
    "json_group_array",
    "json_group_object",
    "kahan_sum",
    "kurtosis",
    "last",
    "last_value",
    "list",
    "listagg",
    "mad",
    "max",
    "max_by",
    "mean",
    "median",
    "min",
    "min_by",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "product",
    "quantile",
    "quantile_cont",
    "quantile_disc",
    "regr_slope",
    "reservoir_quantile",
    "sem",
    "skewness",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "sum_no_overflow",
    "sumkahan",
    "var_pop",
    "var_samp",
    "variance",
];

/// Aggregates whose state grows with the rows of their group.
const HOLISTIC: &[&str] = &[
    "approx_top_k",
    "array_agg",
    "bitstring_agg",
    "entropy",
    "group_concat",
    "histogram",
    "json_group_array",
    "json_group_object",
    "list",
    "listagg",
    "mad",
    "median",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "quantile",
    "quantile_cont",
    "quantile_disc",
    "string_agg",
];

const WINDOWS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "fill",
    "lag",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "rank_dense",
    "row_number",
];

/// Whether an aggregate keeps all values of its group.
pub(super) fn is_holistic(name: &str) -> bool {
    HOLISTIC.contains(&name)
}

pub(super) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    let name = name.to_lowercase();
    let is_other = AGGREGATES.contains(&name.as_str()) || WINDOWS.contains(&name.as_str());
    (!is_other).then(|| Arc::new(ScalarUDF::new_from_impl(Scalar(Stub::new(&name)))))
}

pub(super) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    let name = name.to_lowercase();
    AGGREGATES.contains(&name.as_str()).then(|| Arc::new(AggregateUDF::new_from_impl(Aggregate(Stub::new(&name)))))
}

pub(super) fn window(name: &str) -> Option<Arc<WindowUDF>> {
    let name = name.to_lowercase();
    WINDOWS.contains(&name.as_str()).then(|| Arc::new(WindowUDF::new_from_impl(Windowed(Stub::new(&name)))))
}

const TEXT: DataType = DataType::Utf8;
const STAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Functions that tell whether something is so.
const TRUTHS: &[&str] =
    &["starts_with", "ends_with", "prefix", "suffix", "contains", "regexp_matches", "regexp_full_match"];

/// Functions that give whole numbers.
const COUNTS: &[&str] = &[
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "week",
    "quarter",
    "dayofweek",
    "dayofyear",
    "isodow",
    "date_part",
    "datepart",
    "extract",
    "date_diff",
    "datediff",
    "epoch",
    "epoch_ms",
    "epoch_us",
    "length",
    "len",
    "strlen",
    "strpos",
    "position",
    "instr",
    "hash",
    "ascii",
    "unicode",
    "array_length",
    "list_count",
    "sign",
    "floor_div",
    "bit_length",
    "date_sub",
    "datesub",
];

/// Functions that give texts.
const TEXTS: &[&str] = &[
    "lower",
    "upper",
    "lcase",
    "ucase",
    "substr",
    "substring",
    "concat",
    "concat_ws",
    "replace",
    "trim",
    "ltrim",
    "rtrim",
    "btrim",
    "left",
    "right",
    "lpad",
    "rpad",
    "reverse",
    "repeat",
    "regexp_replace",
    "regexp_extract",
    "md5",
    "sha1",
    "sha256",
    "strftime",
    "format",
    "printf",
    "split_part",
    "dayname",
    "monthname",
    "typeof",
    "chr",
    "json_extract_string",
    "translate",
    "initcap",
    "to_json",
    "base64",
    "hex",
    "current_user",
    "overlay",
];

/// Functions that give fractions.
const NUMBERS: &[&str] = &[
    "sqrt",
    "pow",
    "power",
    "exp",
    "ln",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "random",
    "pi",
    "degrees",
    "radians",
    "atan2",
    "jaccard",
    "levenshtein",
    "haversine",
];

/// The type of a function of values.
fn scalar_type(name: &str, arguments: &[DataType]) -> DataType {
    match name {
        _ if TRUTHS.contains(&name)
            || name.starts_with("is")
            || name.ends_with("contains")
            || name.starts_with("list_has") =>
        {
            DataType::Boolean
        }
        _ if COUNTS.contains(&name) => DataType::Int64,
        _ if TEXTS.contains(&name) => TEXT,
        _ if NUMBERS.contains(&name) => DataType::Float64,
        "now" | "current_timestamp" | "to_timestamp" | "strptime" | "make_timestamp" | "date_trunc" | "time_bucket" => {
            STAMP
        }
        "today" | "current_date" | "make_date" | "last_day" => DataType::Date32,
        "if" => arguments.get(1).cloned().unwrap_or(TEXT),
        _ => match arguments.first() {
            None | Some(DataType::Null) => arguments.get(1).filter(|kind| !kind.is_null()).cloned().unwrap_or(TEXT),
            Some(first) => first.clone(),
        },
    }
}

/// The type of a function of a group.
fn aggregate_type(name: &str, arguments: &[DataType]) -> DataType {
    let first = arguments.first().cloned().unwrap_or(DataType::Int64);
    match name {
        "count" | "count_star" | "count_if" | "countif" | "approx_count_distinct" => DataType::Int64,
        "sum" | "sum_no_overflow" => match first {
            DataType::Decimal128(_, scale) => DataType::Decimal128(38, scale),
            DataType::Float32 | DataType::Float64 => DataType::Float64,
            _ => DataType::Decimal128(38, 0),
        },
        "avg" | "mean" | "favg" | "fsum" | "corr" | "covar_pop" | "covar_samp" | "entropy" | "geomean" | "kurtosis"
        | "skewness" | "product" | "sem" | "stddev" | "stddev_pop" | "stddev_samp" | "var_pop" | "var_samp"
        | "variance" | "kahan_sum" | "sumkahan" | "geometric_mean" | "regr_slope" | "mad" => DataType::Float64,
        "string_agg" | "group_concat" | "listagg" | "json_group_array" | "json_group_object" | "histogram" => TEXT,
        "list" | "array_agg" => DataType::List(Arc::new(Field::new_list_field(first, true))),
        "bool_and" | "bool_or" => DataType::Boolean,
        _ => first,
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(scalar_type(&self.0.name, arguments))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("nothing is computed here")
    }
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(aggregate_type(&self.0.name, arguments))
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("nothing is computed here")
    }

    fn supports_null_handling_clause(&self) -> bool {
        true
    }

    fn supports_within_group_clause(&self) -> bool {
        self.0.name.starts_with("percentile") || self.0.name == "mode" || self.0.name == "listagg"
    }
}

impl WindowUDFImpl for Windowed {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn signature(&self) -> &Signature {
        &self.0.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        not_impl_err!("nothing is computed here")
    }

    fn field(&self, arguments: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let kind = match self.0.name.as_str() {
            "lag" | "lead" | "nth_value" | "fill" => {
                arguments.input_fields().first().map_or(TEXT, |field| field.data_type().clone())
            }
            "cume_dist" | "percent_rank" => DataType::Float64,
            _ => DataType::Int64,
        };
        Ok(Arc::new(Field::new(arguments.name(), kind, true)))
    }
}
