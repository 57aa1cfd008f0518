//! What the filter promises, seen from outside: messages, grammar, truth.

mod grammar;
mod messages;
mod property;
mod reference;
mod rows;
mod spark;
mod truths;
