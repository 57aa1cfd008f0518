//! What the filter promises, seen from outside: messages, grammar, truth.

mod grammar;
mod messages;
