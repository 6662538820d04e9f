//! HMAC of a counter, RFC 2104 and RFC 4226 section 5.3: all the cryptography of a code.
//!
//! HMAC-SHA-1 is written out here from its compressions, which are `sha1`'s; the other two
//! are `hmac`'s. The test below is the proof: it compares ours with `hmac`'s for keys of
//! every length around the block's.

use hmac::{Hmac, KeyInit, Mac};
use sha1::block_api::compress;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::Algorithm;

/// HMAC-SHA-1 of a counter, with the key already mixed in. Zeroed on drop.
///
/// The general HMAC pads and buffers texts of every length, and wipes those buffers; a
/// counter always fills one block, so this is the two compressions and little else.
#[derive(Clone)]
pub(crate) struct Sha1Mac {
    inner: Zeroizing<[u32; 5]>,
    outer: Zeroizing<[u32; 5]>,
}

impl Sha1Mac {
    const BLOCK: usize = 64;
    /// FIPS 180-4, section 5.3.1.
    const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

    /// RFC 2104: a key longer than a block is hashed first.
    fn new(key: &[u8]) -> Self {
        let mut block = [0; Self::BLOCK];
        let length = if key.len() > Self::BLOCK {
            let hashed = Zeroizing::new(<[u8; 20]>::from(Sha1::digest(key)));
            block[..20].copy_from_slice(&*hashed);
            20
        } else {
            block[..key.len()].copy_from_slice(key);
            key.len()
        };
        let mut keyed = |pad: u8| {
            let mut state = Zeroizing::new(Self::START);
            for byte in &mut block {
                *byte ^= pad;
            }
            compress(&mut state, std::slice::from_ref(&block));
            state
        };
        let (inner, outer) = (keyed(0x36), keyed(0x36 ^ 0x5c));
        // The rest of the block never held any of the key.
        block[..length].zeroize();
        Self { inner, outer }
    }

    /// What is hashed after the key's block, at most 55 bytes, padded as SHA-1 does it.
    fn finish<const N: usize>(state: &mut [u32; 5], text: [u8; N]) {
        let mut block = [0; Self::BLOCK];
        block[..N].copy_from_slice(&text);
        block[N] = 0x80;
        let bits = 8 * (Self::BLOCK + N) as u64;
        block[Self::BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        compress(state, &[block]);
    }

    fn bytes(state: &[u32; 5]) -> [u8; 20] {
        let mut bytes = [0; 20];
        for (four, word) in bytes.chunks_exact_mut(4).zip(state) {
            four.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn mac(&self, counter: u64) -> [u8; 20] {
        let mut inner = self.inner.clone();
        Self::finish(&mut inner, counter.to_be_bytes());
        let mut outer = self.outer.clone();
        Self::finish(&mut outer, Self::bytes(&inner));
        Self::bytes(&outer)
    }
}

/// HMAC with the key already mixed in. Zeroed on drop.
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha1(Sha1Mac),
    Sha256(Hmac<Sha256>),
    // Boxed: it is three times as large as the other two, which would be moved about
    // at its size.
    Sha512(Box<Hmac<Sha512>>),
}

impl KeyedMac {
    pub(crate) fn new(key: &[u8], algorithm: Algorithm) -> Self {
        // HMAC takes keys of every length: the error type is there for other MACs.
        fn keyed<M: KeyInit>(key: &[u8]) -> M {
            M::new_from_slice(key).expect("HMAC accepts every key length")
        }
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(Sha1Mac::new(key)),
            Algorithm::Sha256 => Self::Sha256(keyed(key)),
            Algorithm::Sha512 => Self::Sha512(Box::new(keyed(key))),
        }
    }

    /// RFC 4226 section 5.3: HMAC of the counter, dynamically truncated to 31 bits.
    pub(crate) fn truncated(&self, counter: u64) -> u32 {
        fn mac<M: Mac + Clone>(keyed: &M, counter: u64) -> u32 {
            let mut mac = keyed.clone();
            mac.update(&counter.to_be_bytes());
            word(&mac.finalize().into_bytes())
        }
        fn word(digest: &[u8]) -> u32 {
            let offset = usize::from(digest[digest.len() - 1] & 0xf);
            let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
            u32::from_be_bytes(word) & 0x7fff_ffff
        }
        match self {
            Self::Sha1(keyed) => word(&keyed.mac(counter)),
            Self::Sha256(keyed) => mac(keyed, counter),
            Self::Sha512(keyed) => mac(&**keyed, counter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_hmac_is_the_general_one() {
        let counters = [0, 1, 58_799_588, u64::from(u32::MAX), u64::MAX];
        for length in 0..=130_u8 {
            let key: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37) ^ length).collect();
            let ours = Sha1Mac::new(&key);
            let general = <Hmac<Sha1> as KeyInit>::new_from_slice(&key).expect("any length");
            for counter in counters {
                let expected = general.clone().chain_update(counter.to_be_bytes()).finalize();
                assert_eq!(ours.mac(counter)[..], expected.into_bytes()[..], "{length} bytes");
            }
        }
    }
}
