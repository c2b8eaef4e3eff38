//! What a secret of a session may say, by its kind.
//!
//! Some parts of a credential end up in the address that the server calls: these hold letters and digits only, or name a host that
//! is looked at.

use super::{CredentialError, Hidden, SecretOptions};

/// A kind of secrets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SecretKind {
    /// As DuckDB names it.
    pub(crate) name: &'static str,
    /// Its options by DuckDB's names, and which values they take.
    options: &'static [(&'static str, Value)],
    /// How the addresses begin that it may be for.
    schemes: &'static [&'static str],
}

/// The values of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Any text; it is a secret.
    Secret,
    /// Any text.
    Text,
    /// A part of a host's name.
    Label,
    /// A host, with a port perhaps.
    Endpoint,
    /// `path` or `vhost`.
    Style,
    /// True or false.
    Switch,
    /// `name=value;…` as Azure gives it; it is a secret.
    Connection,
}

const S3_OPTIONS: &[(&str, Value)] = &[
    ("KEY_ID", Value::Text),
    ("SECRET", Value::Secret),
    ("SESSION_TOKEN", Value::Secret),
    ("REGION", Value::Label),
    ("ENDPOINT", Value::Endpoint),
    ("URL_STYLE", Value::Style),
    ("USE_SSL", Value::Switch),
    ("URL_COMPATIBILITY_MODE", Value::Switch),
    ("REQUESTER_PAYS", Value::Switch),
    ("KMS_KEY_ID", Value::Text),
];
const GCS_OPTIONS: &[(&str, Value)] = &[
    ("KEY_ID", Value::Text),
    ("SECRET", Value::Secret),
    ("BEARER_TOKEN", Value::Secret),
    ("ENDPOINT", Value::Endpoint),
    ("URL_STYLE", Value::Style),
    ("USE_SSL", Value::Switch),
];
const R2_OPTIONS: &[(&str, Value)] = &[
    ("KEY_ID", Value::Text),
    ("SECRET", Value::Secret),
    ("SESSION_TOKEN", Value::Secret),
    ("ACCOUNT_ID", Value::Label),
];
const AZURE_OPTIONS: &[(&str, Value)] = &[("CONNECTION_STRING", Value::Connection), ("ACCOUNT_NAME", Value::Label)];

static S3: SecretKind = SecretKind { name: "s3", options: S3_OPTIONS, schemes: &["s3://", "s3a://", "s3n://"] };
static GCS: SecretKind = SecretKind { name: "gcs", options: GCS_OPTIONS, schemes: &["gcs://", "gs://"] };
static R2: SecretKind = SecretKind { name: "r2", options: R2_OPTIONS, schemes: &["r2://"] };
static AZURE: SecretKind =
    SecretKind { name: "azure", options: AZURE_OPTIONS, schemes: &["az://", "azure://", "abfss://", "abfs://"] };
static KINDS: [&SecretKind; 4] = [&S3, &GCS, &R2, &AZURE];

/// Settings of DuckDB's that give credentials, and the option each stands for.
static SETTINGS: [(&str, &SecretKind, &str); 12] = [
    ("s3_access_key_id", &S3, "KEY_ID"),
    ("s3_secret_access_key", &S3, "SECRET"),
    ("s3_session_token", &S3, "SESSION_TOKEN"),
    ("s3_region", &S3, "REGION"),
    ("s3_endpoint", &S3, "ENDPOINT"),
    ("s3_url_style", &S3, "URL_STYLE"),
    ("s3_use_ssl", &S3, "USE_SSL"),
    ("s3_url_compatibility_mode", &S3, "URL_COMPATIBILITY_MODE"),
    ("s3_requester_pays", &S3, "REQUESTER_PAYS"),
    ("s3_kms_key_id", &S3, "KMS_KEY_ID"),
    ("azure_storage_connection_string", &AZURE, "CONNECTION_STRING"),
    ("azure_account_name", &AZURE, "ACCOUNT_NAME"),
];

/// The parts of Azure's connection strings that name no host.
const AZURE_PARTS: [&str; 5] =
    ["defaultendpointsprotocol", "accountkey", "sharedaccesssignature", "endpointsuffix", "accountname"];
/// Those that name one.
const AZURE_ENDPOINTS: [&str; 2] = ["blobendpoint", "dfsendpoint"];

/// How the addresses of stores begin.
pub(crate) fn schemes() -> impl Iterator<Item = &'static str> {
    KINDS.iter().flat_map(|kind| kind.schemes).copied()
}

impl SecretKind {
    /// The names of its options.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.options.iter().map(|(name, _)| *name).chain(["SCOPE"]).collect();
        names.join(", ")
    }

    fn option(&self, name: &str) -> Option<(&'static str, Value)> {
        self.options.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied()
    }
}

/// The kind and option that a setting of this lower-case name stands for.
pub(super) fn of_setting(name: &str) -> Option<(&'static SecretKind, &'static str)> {
    SETTINGS.iter().find(|(known, ..)| *known == name).map(|&(_, kind, option)| (kind, option))
}

/// What was written in the parentheses of a `CREATE SECRET`, understood.
pub(super) fn understood(written: Vec<(String, Vec<String>)>) -> Result<SecretOptions, CredentialError> {
    let kind = written.iter().find(|(name, _)| name == "type").and_then(|(_, values)| values.first());
    let kind = kind.and_then(|kind| KINDS.into_iter().find(|known| known.name.eq_ignore_ascii_case(kind)));
    let mut secret = SecretOptions { kind: kind.ok_or(CredentialError::Type)?, values: Vec::new(), scopes: Vec::new() };
    let mut seen: Vec<String> = Vec::new();
    for (name, mut values) in written {
        if seen.contains(&name) {
            return Err(CredentialError::Option(secret.kind));
        }
        seen.push(name.clone());
        match name.as_str() {
            "type" => {}
            "provider" if values.iter().all(|provider| provider.eq_ignore_ascii_case("config")) => {}
            "provider" => return Err(CredentialError::Provider),
            "scope" => secret.scopes = checked_scopes(secret.kind, values)?,
            _ => {
                let (option, _) = secret.kind.option(&name).ok_or(CredentialError::Option(secret.kind))?;
                let value = values.pop().filter(|_| values.is_empty()).ok_or(CredentialError::Form)?;
                secret.values.push((option, Hidden(checked(secret.kind, option, value)?)));
            }
        }
    }
    Ok(secret)
}

fn checked_scopes(kind: &'static SecretKind, scopes: Vec<String>) -> Result<Vec<String>, CredentialError> {
    let is_of_kind = |scope: &String| kind.schemes.iter().any(|scheme| scope.starts_with(scheme));
    match scopes.iter().all(is_of_kind) {
        true => Ok(scopes),
        false => Err(CredentialError::Value("SCOPE", "it is the beginning of an address, such as 's3://bucket/'")),
    }
}

/// The value of an option, if it takes that.
pub(super) fn checked(
    kind: &'static SecretKind,
    option: &'static str,
    value: String,
) -> Result<String, CredentialError> {
    let (_, takes) = kind.option(option).ok_or(CredentialError::Option(kind))?;
    let cure = match takes {
        // A string may go on in the next line; that is no plain value.
        _ if value.contains(['\n', '\r']) => Some("write it in one line"),
        Value::Secret | Value::Text => None,
        Value::Label => (!is_label(&value)).then_some("it holds letters, digits and -"),
        Value::Endpoint => (host(&value).is_none()).then_some("it is a host, with a port perhaps"),
        Value::Style => (!["path", "vhost"].contains(&value.as_str())).then_some("it is path or vhost"),
        Value::Switch => (!is_switch(&value)).then_some("it is true or false"),
        Value::Connection => (!is_connection(&value)).then_some(
            "it is made of the parts AccountName, AccountKey, SharedAccessSignature, BlobEndpoint and their kin",
        ),
    };
    cure.map_or(Ok(value), |cure| Err(CredentialError::Value(option, cure)))
}

/// The hosts that the value of an option names.
pub(super) fn endpoints<'a>(option: &str, value: &'a str) -> Vec<&'a str> {
    match option {
        "ENDPOINT" => host(value).into_iter().collect(),
        "CONNECTION_STRING" => parts(value)
            .filter(|(name, _)| AZURE_ENDPOINTS.contains(&name.as_str()) || name == "endpointsuffix")
            .filter_map(|(_, value)| host(after_scheme(value)))
            .collect(),
        _ => Vec::new(),
    }
}

fn is_label(value: &str) -> bool {
    value.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
}

fn is_switch(value: &str) -> bool {
    ["true", "false", "1", "0"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn is_connection(value: &str) -> bool {
    parts(value).all(|(name, value)| match name.as_str() {
        "accountname" => is_label(value),
        "endpointsuffix" => host(value).is_some(),
        name if AZURE_ENDPOINTS.contains(&name) => host(after_scheme(value)).is_some(),
        name => AZURE_PARTS.contains(&name),
    })
}

/// The parts of a connection string, their names in lower case.
fn parts(connection: &str) -> impl Iterator<Item = (String, &str)> {
    let parts = connection.split(';').filter(|part| !part.trim().is_empty());
    parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), value.trim())
    })
}

fn after_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// The host of an endpoint, without port and path; none when it is not plainly one.
fn host(endpoint: &str) -> Option<&str> {
    let authority = endpoint.split('/').next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_host = !host.is_empty()
        && host.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_'));
    let is_path = endpoint.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._:/".contains(letter));
    (is_host && is_path && port.parse::<u16>().is_ok()).then_some(host)
}
