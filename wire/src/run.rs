//! A statement as a ticket: run and fetched in one call.
//!
//! Flight SQL asks twice for a query: `GetFlightInfo` plans it, `DoGet` fetches it. Whoever knows what it wants, as the PostgreSQL
//! frontend does, can send the statement itself as the ticket of one `DoGet`. It runs once, whatever it is. Rows come as those of any
//! ticket; where there are none, the reply says in [`crate::headers::ROWS_CHANGED`] how many it changed.

use bytes::Bytes;
use prost::Message as _;

/// The name of the message in a protobuf `Any`, by which such a ticket is known.
pub const TYPE_URL: &str = "type.googleapis.com/tavana.RunStatement";

/// A statement to run.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RunStatement {
    /// One SQL statement, or several of which the last one's result is wanted.
    #[prost(string, tag = "1")]
    pub sql: String,
    /// One row of parameters as an Arrow IPC stream; empty when there are none.
    #[prost(bytes = "bytes", tag = "2")]
    pub parameters: Bytes,
}

/// Protobuf's own wrapper of a message with its name.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

impl RunStatement {
    /// The ticket.
    pub fn ticket(&self) -> Bytes {
        Any { type_url: TYPE_URL.to_owned(), value: self.encode_to_vec().into() }.encode_to_vec().into()
    }

    /// The statement in a ticket; `None` when the ticket is another.
    pub fn in_ticket(ticket: &Bytes) -> Option<Self> {
        let any = Any::decode(ticket.clone()).ok().filter(|any| any.type_url == TYPE_URL)?;
        Self::decode(any.value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_gives_its_statement_back() {
        let run = RunStatement { sql: "select 1".to_owned(), parameters: Bytes::from_static(b"x") };
        assert_eq!(RunStatement::in_ticket(&run.ticket()), Some(run));
        assert_eq!(RunStatement::in_ticket(&Bytes::from_static(b"sealed")), None);
        assert_eq!(RunStatement::in_ticket(&Bytes::new()), None);
    }
}
