//! How a session wants its values written: the settings of `SET` that shape text.

use super::zone::Zone;

/// The first word of `DateStyle`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateStyle {
    #[default]
    Iso,
    Sql,
    Postgres,
    German,
}

/// The second word of `DateStyle`: how 01/02/03 is read, and written in the styles with ambiguous dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    #[default]
    Mdy,
    Dmy,
    Ymd,
}

/// `IntervalStyle`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntervalStyle {
    #[default]
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

/// `bytea_output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteaOutput {
    #[default]
    Hex,
    Escape,
}

/// All settings that shape the text of values.
#[derive(Clone, Debug)]
pub struct Settings {
    pub date_style: DateStyle,
    pub date_order: DateOrder,
    pub interval_style: IntervalStyle,
    pub bytea_output: ByteaOutput,
    /// From -15 to 3; above 0 floats are written with their shortest exact digits.
    pub extra_float_digits: i32,
    pub time_zone: Zone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            bytea_output: ByteaOutput::Hex,
            extra_float_digits: 1,
            time_zone: Zone::utc(),
        }
    }
}

impl Settings {
    /// Applies the value of `SET DateStyle`, words in any order. `false` leaves all as it was: a word is unknown.
    pub fn set_date_style(&mut self, value: &str) -> bool {
        let (mut style, mut order) = (self.date_style, self.date_order);
        for word in value.split([',', ' ']).filter(|word| !word.is_empty()) {
            match word.to_ascii_lowercase().as_str() {
                "iso" => style = DateStyle::Iso,
                "sql" => style = DateStyle::Sql,
                "german" => (style, order) = (DateStyle::German, DateOrder::Dmy),
                "dmy" | "euro" | "european" => order = DateOrder::Dmy,
                "mdy" | "us" | "noneuro" | "noneuropean" => order = DateOrder::Mdy,
                "ymd" => order = DateOrder::Ymd,
                "default" => (style, order) = (DateStyle::Iso, DateOrder::Mdy),
                word if word.starts_with("postgres") => style = DateStyle::Postgres,
                _ => return false,
            }
        }
        (self.date_style, self.date_order) = (style, order);
        true
    }

    /// `DateStyle` as `SHOW` and `ParameterStatus` tell it.
    pub fn date_style(&self) -> String {
        let style = match self.date_style {
            DateStyle::Iso => "ISO",
            DateStyle::Sql => "SQL",
            DateStyle::Postgres => "Postgres",
            DateStyle::German => "German",
        };
        let order = match self.date_order {
            DateOrder::Mdy => "MDY",
            DateOrder::Dmy => "DMY",
            DateOrder::Ymd => "YMD",
        };
        format!("{style}, {order}")
    }
}

impl IntervalStyle {
    /// The style of a value of `SET IntervalStyle`.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "postgres" => Some(Self::Postgres),
            "postgres_verbose" => Some(Self::PostgresVerbose),
            "sql_standard" => Some(Self::SqlStandard),
            "iso_8601" => Some(Self::Iso8601),
            _ => None,
        }
    }
}

impl ByteaOutput {
    /// The form of a value of `SET bytea_output`.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "hex" => Some(Self::Hex),
            "escape" => Some(Self::Escape),
            _ => None,
        }
    }
}
