//! What a controller needs and what knows no kinds: from a watch to a pass, and what surrounds it.

pub mod claim;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod lead;
pub mod logging;
pub mod metrics;
pub mod object;
pub mod process;
pub mod queue;
pub mod repeat;
pub mod secrets;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod traces;
