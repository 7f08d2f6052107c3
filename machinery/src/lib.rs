//! What a controller needs and what knows no kinds: from a watch to a pass, and what surrounds it.

pub mod object;
pub mod secrets;
