//! A journal against the failures of disks: the name of every test says what must hold.

#[cfg(test)]
mod chain;
#[cfg(test)]
mod common;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod cut;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod full;
#[cfg(test)]
mod log;
#[cfg(test)]
mod store;
