//! What a request asks, as far as routing needs to know.
//!
//! The gateway never decodes a result, but it must know where a request belongs: which sealed
//! handles it carries (they name the session and the worker), and what it would mean to lose the
//! worker in the middle of it. [`message`] reads the first message off a request and keeps the
//! bytes for the worker; [`command`] unpacks it; [`method`] lists Flight's methods.

pub(crate) mod command;
pub(crate) mod message;
pub(crate) mod method;
mod upload;

pub(crate) use command::{Asked, Purpose};
pub(crate) use message::{Limits, PeekError, RequestBody};
pub(crate) use method::Method;
pub(crate) use upload::UploadReader;
