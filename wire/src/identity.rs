//! Names of things that outlive one process: queries, sessions, workers; and roles.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom, SystemRandom};

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new id, unguessable and unique.
            ///
            /// # Panics
            /// When the operating system has no random numbers: nothing here is safe then.
            pub fn random() -> Self {
                let mut bytes = [0; 16];
                assert!(SystemRandom::new().fill(&mut bytes).is_ok(), "the operating system gave no random numbers");
                Self(bytes)
            }

            /// The id from its 16 bytes; `None` for any other length.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The 16 bytes of the id.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The 16 bytes of the id, owned, as handles store them.
            pub fn to_vec(&self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let digits = text.as_bytes();
                if digits.len() != 32 {
                    return Err(MalformedId);
                }
                let mut bytes = [0; 16];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| MalformedId)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| MalformedId)?;
                }
                Ok(Self(bytes))
            }
        }
    };
}

random_id! {
    /// One statement from its arrival to the last byte of its result.
    QueryId
}
random_id! {
    /// One client's session.
    SessionId
}
random_id! {
    /// One worker process, from its start to its end: a restarted worker has another id,
    /// because whatever state its predecessor held is gone.
    WorkerId
}

random_id! {
    /// One gateway process, from its start to its end: what it is granted is told apart from what others are.
    GatewayId
}

/// A text that is not 32 hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id is 32 hexadecimal digits")]
pub struct MalformedId;

/// What a principal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Role {
    /// Reads only.
    Reader = 0,
    /// Reads and writes.
    User = 1,
    /// Reads, writes, attaches databases, and sees and ends the statements of others.
    Admin = 2,
}

impl Role {
    /// The name used in users files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::Reader, Self::User, Self::Admin]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// A text that names no role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a role; the roles are admin, user and reader")]
pub struct UnknownRole(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = QueryId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("zz".repeat(16).parse::<QueryId>(), Err(MalformedId));
        assert_eq!("00".parse::<QueryId>(), Err(MalformedId));
    }

    #[test]
    fn roles_are_ordered_by_what_they_may_do() {
        assert!(Role::Reader < Role::User && Role::User < Role::Admin);
        assert_eq!("user".parse(), Ok(Role::User));
        assert!("root".parse::<Role>().is_err());
    }
}
