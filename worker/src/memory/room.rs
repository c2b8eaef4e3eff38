//! What a call may do with the worker's memory.
//!
//! A gateway says with each call what it is to be granted; whoever is no gateway needs no grant, because nobody else admits then. A grant
//! is held by the call, by its body, and by the work that DuckDB does for it, until the last of them is gone: a client that leaves frees
//! nothing while its statement still ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tavana_wire::{Failure, FailureKind, GatewayId, headers};
use tonic::body::Body;

use super::Memory;
use super::budget::Grant;

/// What a call may do.
#[derive(Clone, Debug, Default)]
pub(crate) enum Room {
    /// Anything: nobody admits its statements.
    #[default]
    Free,
    /// Plan, and what takes no memory worth speaking of.
    PlanOnly,
    /// Run a statement.
    Granted(#[expect(dead_code, reason = "it is held, and dropped")] Arc<Grant>),
}

impl Room {
    /// What the headers of a gateway's call ask for.
    ///
    /// # Errors
    /// `NoRoom` when there is not so much; `InvalidRequest` for what is no number.
    pub(crate) fn take(memory: &Memory, request: &HeaderMap) -> Result<Self, Failure> {
        let Some(asked) = request.get(headers::GRANT) else { return Ok(Self::Free) };
        let bytes = asked.to_str().ok().and_then(|text| text.parse::<u64>().ok()).ok_or_else(|| {
            Failure::new(FailureKind::InvalidRequest, "the grant is no number of bytes; send it in digits")
        })?;
        if bytes == 0 {
            return Ok(Self::PlanOnly);
        }
        let gateway = request.get(headers::GATEWAY).and_then(|id| id.to_str().ok()?.parse().ok());
        // One that does not say who it is shares its count with others that do not.
        let gateway = gateway.or_else(|| GatewayId::from_bytes(&[0; 16]));
        let gateway = gateway.ok_or_else(|| Failure::new(FailureKind::Internal, "a gateway has no id"))?;
        Ok(Self::Granted(Arc::new(memory.grant(gateway, bytes)?)))
    }

    /// Refuses to run a statement where only planning is allowed.
    ///
    /// # Errors
    /// `NoRoom`; nothing was done.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Free | Self::Granted(_) => Ok(()),
            Self::PlanOnly => {
                Err(Failure::new(FailureKind::NoRoom, "the call may only plan; ask for a grant to run the statement"))
            }
        }
    }

    /// The body of the call's reply, which holds the grant until it has ended or is dropped.
    pub(crate) fn held_by(self, body: Body) -> Body {
        match self {
            Self::Free | Self::PlanOnly => body,
            Self::Granted(_) => Body::new(Holding { body, room: Some(self) }),
        }
    }
}

/// A body that holds a grant.
struct Holding {
    body: Body,
    room: Option<Room>,
}

impl http_body::Body for Holding {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let is_last = frame.as_ref().is_none_or(|frame| frame.as_ref().map_or(true, Frame::is_trailers));
        if is_last {
            self.room = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
