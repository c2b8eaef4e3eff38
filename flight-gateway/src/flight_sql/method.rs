//! The methods of `arrow.flight.protocol.FlightService`.

/// The gRPC service that the gateway and its workers serve.
pub(crate) const SERVICE: &str = "arrow.flight.protocol.FlightService";

/// A method of Flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Handshake,
    ListFlights,
    GetFlightInfo,
    PollFlightInfo,
    GetSchema,
    DoGet,
    DoPut,
    DoExchange,
    DoAction,
    ListActions,
}

impl Method {
    const ALL: [Self; 10] = [
        Self::Handshake,
        Self::ListFlights,
        Self::GetFlightInfo,
        Self::PollFlightInfo,
        Self::GetSchema,
        Self::DoGet,
        Self::DoPut,
        Self::DoExchange,
        Self::DoAction,
        Self::ListActions,
    ];

    /// The method that an HTTP path names, if Flight has it.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        (service == SERVICE).then(|| Self::ALL.into_iter().find(|method| method.name() == name)).flatten()
    }

    /// Its name in Flight, metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handshake => "Handshake",
            Self::ListFlights => "ListFlights",
            Self::GetFlightInfo => "GetFlightInfo",
            Self::PollFlightInfo => "PollFlightInfo",
            Self::GetSchema => "GetSchema",
            Self::DoGet => "DoGet",
            Self::DoPut => "DoPut",
            Self::DoExchange => "DoExchange",
            Self::DoAction => "DoAction",
            Self::ListActions => "ListActions",
        }
    }

    /// Whether the client sends one message or as many as it likes.
    pub(crate) fn is_upload(self) -> bool {
        matches!(self, Self::Handshake | Self::DoPut | Self::DoExchange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_methods() {
        for method in Method::ALL {
            assert_eq!(Method::from_path(&format!("/{SERVICE}/{}", method.name())), Some(method));
        }
        for other in
            ["", "/", "DoGet", "/DoGet", "/grpc.health.v1.Health/Check", "/arrow.flight.protocol.FlightService/"]
        {
            assert_eq!(Method::from_path(other), None, "{other}");
        }
    }
}
