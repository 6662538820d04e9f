//! HMAC of a counter, RFC 2104 and RFC 4226 section 5.3.
//!
//! By `hmac`'s block level: `Hmac` itself keeps a buffer for texts of every length, copies
//! and wipes it, which takes 7 to 16 % of a code's time.

use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore};
use hmac::{EagerHash, KeyInit};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::Algorithm;

/// HMAC with the key already mixed in. Zeroed on drop.
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha1(HmacCore<Sha1>),
    Sha256(HmacCore<Sha256>),
    // Boxed: it is three times as large as the other two, which would be moved about
    // at its size.
    Sha512(Box<HmacCore<Sha512>>),
}

impl KeyedMac {
    pub(crate) fn new(key: &[u8], algorithm: Algorithm) -> Self {
        // HMAC takes keys of every length: the error type is there for other MACs.
        fn keyed<D: EagerHash>(key: &[u8]) -> HmacCore<D> {
            HmacCore::new_from_slice(key).expect("HMAC accepts every key length")
        }
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(keyed(key)),
            Algorithm::Sha256 => Self::Sha256(keyed(key)),
            Algorithm::Sha512 => Self::Sha512(Box::new(keyed(key))),
        }
    }

    /// RFC 4226 section 5.3: HMAC of the counter, dynamically truncated to 31 bits.
    pub(crate) fn truncated(&self, counter: u64) -> u32 {
        match self {
            Self::Sha1(keyed) => truncated(keyed, counter),
            Self::Sha256(keyed) => truncated(keyed, counter),
            Self::Sha512(keyed) => truncated(keyed, counter),
        }
    }
}

fn truncated<D: EagerHash>(keyed: &HmacCore<D>, counter: u64) -> u32 {
    let mut text = Buffer::<HmacCore<D>>::new(&counter.to_be_bytes());
    let mut digest = Output::<HmacCore<D>>::default();
    keyed.clone().finalize_fixed_core(&mut text, &mut digest);
    let offset = usize::from(digest[digest.len() - 1] & 0xf);
    let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    u32::from_be_bytes(word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, Mac};

    fn general<M: Mac + KeyInit>(key: &[u8], counter: u64) -> u32 {
        let mac = <M as KeyInit>::new_from_slice(key).expect("any length");
        let digest = mac.chain_update(counter.to_be_bytes()).finalize().into_bytes();
        let offset = usize::from(digest.last().expect("20 bytes or more") & 0xf);
        let word = digest[offset..offset + 4].try_into().expect("four bytes");
        u32::from_be_bytes(word) & 0x7fff_ffff
    }

    #[test]
    fn it_is_what_hmac_itself_gives() {
        for length in 0..=130_u8 {
            let key: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37) ^ length).collect();
            let mac = |algorithm| KeyedMac::new(&key, algorithm);
            for counter in [0, 1, 58_799_588, u64::from(u32::MAX), u64::MAX] {
                let expected = general::<Hmac<Sha1>>(&key, counter);
                assert_eq!(mac(Algorithm::Sha1).truncated(counter), expected, "{length} bytes");
                let expected = general::<Hmac<Sha256>>(&key, counter);
                assert_eq!(mac(Algorithm::Sha256).truncated(counter), expected, "{length} bytes");
                let expected = general::<Hmac<Sha512>>(&key, counter);
                assert_eq!(mac(Algorithm::Sha512).truncated(counter), expected, "{length} bytes");
            }
        }
    }
}
