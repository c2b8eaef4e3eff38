//! Sample data: TPC-H, made once with DuckDB's own generator.

use std::fmt;
use std::str::FromStr;

use crate::engine::{Connection, EngineError, Instance};

/// Steps the generator is run in, so that progress can be told.
const STEPS: u32 = 20;

/// Data to begin with.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(into = "String")]
pub enum Sample {
    /// The eight tables of TPC-H at this scale factor; 1 is about 1 GB of text, 250 MB in DuckDB.
    Tpch(f64),
}

/// A text that names no sample.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no sample; write tpch:SCALE, for example tpch:1 or tpch:0.01, with a scale up to 1000")]
pub struct UnknownSample(String);

impl FromStr for Sample {
    type Err = UnknownSample;

    fn from_str(text: &str) -> Result<Self, UnknownSample> {
        let unknown = || UnknownSample(text.to_owned());
        let scale = text.strip_prefix("tpch:").ok_or_else(unknown)?;
        let scale: f64 = scale.parse().map_err(|_| unknown())?;
        if scale > 0.0 && scale <= 1000.0 { Ok(Self::Tpch(scale)) } else { Err(unknown()) }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tpch(scale) => write!(f, "tpch:{scale}"),
        }
    }
}

impl From<Sample> for String {
    fn from(sample: Sample) -> Self {
        sample.to_string()
    }
}

impl Sample {
    /// The extension that makes it.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Tpch(_) => "tpch",
        }
    }

    /// Makes the data unless it is there; `progress` hears the part that is done, from 0 to 1. All or nothing.
    pub(crate) fn make(self, instance: &Instance, progress: &dyn Fn(f64)) -> Result<(), EngineError> {
        let Self::Tpch(scale) = self;
        let connection = instance.connect()?;
        if connection.prepare("FROM lineitem LIMIT 0").is_ok() {
            return Ok(());
        }
        connection.execute("BEGIN TRANSACTION")?;
        match generate(&connection, scale, progress) {
            Ok(()) => connection.execute("COMMIT").map(|_| ()),
            Err(error) => {
                connection.execute("ROLLBACK")?;
                Err(error)
            }
        }
    }
}

fn generate(connection: &Connection, scale: f64, progress: &dyn Fn(f64)) -> Result<(), EngineError> {
    // Small scales are made at once: the generator rounds each step up to whole rows.
    if scale < 0.1 {
        connection.execute(&format!("CALL dbgen(sf = {scale})"))?;
        progress(1.0);
        return Ok(());
    }
    for step in 0..STEPS {
        connection.execute(&format!("CALL dbgen(sf = {scale}, children = {STEPS}, step = {step})"))?;
        progress(f64::from(step + 1) / f64::from(STEPS));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_named_by_kind_and_scale() {
        assert_eq!("tpch:0.5".parse(), Ok(Sample::Tpch(0.5)));
        for bad in ["", "tpch", "tpch:", "tpch:0", "tpch:-1", "tpch:x", "tpch:NaN", "tpcds:1", "tpch:5000"] {
            assert!(bad.parse::<Sample>().is_err(), "{bad}");
        }
    }
}
