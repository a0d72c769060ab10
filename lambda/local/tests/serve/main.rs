//! The command `serve` as a user runs it: it comes up, does its work, and leaves nothing behind however it ends.

mod control;
mod life;
mod support;
