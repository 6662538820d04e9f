//! temporary
pub mod otp;
pub mod qr;
