//! Flight's session options, which `arrow-flight` has no messages for.
//!
//! The fields and numbers are those of Arrow's `Flight.proto`.

use std::collections::BTreeMap;

/// Action that sets options of the session.
pub const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
/// Action that reads the options of the session.
pub const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
/// Action that ends the session.
pub const CLOSE_SESSION: &str = "CloseSession";

/// A value of an option; none at all means "back to the default".
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionOptionValue {
    /// The value.
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub option_value: Option<OptionValue>,
}

/// The types a session option can have.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OptionValue {
    /// Text.
    #[prost(string, tag = "1")]
    String(String),
    /// Truth.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// A whole number.
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Several texts.
    #[prost(message, tag = "5")]
    StringList(StringList),
}

/// Several texts.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StringList {
    /// The texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// Body of [`SET_SESSION_OPTIONS`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetSessionOptionsRequest {
    /// Options by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub session_options: BTreeMap<String, SessionOptionValue>,
}

/// Result of [`SET_SESSION_OPTIONS`]: an entry for each option that could not be set.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SetSessionOptionsResult {
    /// Errors by option name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub errors: BTreeMap<String, SetSessionOptionError>,
}

/// Why an option could not be set.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SetSessionOptionError {
    /// The reason.
    #[prost(enumeration = "SetSessionOptionErrorValue", tag = "1")]
    pub value: i32,
}

/// Reasons why an option could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum SetSessionOptionErrorValue {
    /// No reason given.
    Unspecified = 0,
    /// There is no such option.
    InvalidName = 1,
    /// The option does not take this value.
    InvalidValue = 2,
    /// Setting it failed.
    Error = 3,
}

/// Result of [`GET_SESSION_OPTIONS`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetSessionOptionsResult {
    /// Options by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub session_options: BTreeMap<String, SessionOptionValue>,
}

/// Result of [`CLOSE_SESSION`].
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CloseSessionResult {
    /// What became of the session.
    #[prost(enumeration = "CloseSessionStatus", tag = "1")]
    pub status: i32,
}

/// What became of a session that was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum CloseSessionStatus {
    /// Not known.
    Unspecified = 0,
    /// It is closed.
    Closed = 1,
    /// It is about to close.
    Closing = 2,
    /// It cannot be closed.
    NotCloseable = 3,
}
