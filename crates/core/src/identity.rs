//! Who made a call: the principal, and the session that STS started for it.

mod origin;
mod permissions;
mod principal;
mod session;
mod session_match;
mod trust;

pub(crate) use origin::{LONGEST_CHAIN, head};
pub use permissions::PolicyDocument;
pub use principal::{IamIdentity, IamKind, Principal, SessionKey};
pub(crate) use session::matchable_starts;
pub use session::{NotASession, STS, Session};
pub(crate) use session_match::choose;
pub use session_match::{DELIVERY_TIME, SessionMatch};
pub use trust::takes_session_tags;
