//! Codes as people type and paste them: what is dropped, and what stands for what.

/// The zeros of Unicode 16's decimal digits (`Nd`), each with its nine right behind it.
const ZEROS: [u32; 76] = [
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
    0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80,
    0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
    0xff10, 0x1_04a0, 0x1_0d30, 0x1_0d40, 0x1_1066, 0x1_10f0, 0x1_1136, 0x1_11d0, 0x1_12f0,
    0x1_1450, 0x1_14d0, 0x1_1650, 0x1_16c0, 0x1_16d0, 0x1_16da, 0x1_1730, 0x1_18e0, 0x1_1950,
    0x1_1bf0, 0x1_1c50, 0x1_1d50, 0x1_1da0, 0x1_1f50, 0x1_6130, 0x1_6a60, 0x1_6ac0, 0x1_6b50,
    0x1_6d70, 0x1_ccf0, 0x1_d7ce, 0x1_d7d8, 0x1_d7e2, 0x1_d7ec, 0x1_d7f6, 0x1_e140, 0x1_e2f0,
    0x1_e4f0, 0x1_e5f1, 0x1_e950, 0x1_fbf0,
];

/// The characters of a typed code in ASCII, separators dropped.
///
/// White space, dashes and what shows nothing (zero-width characters, byte order marks, soft
/// hyphens, marks of direction) are dropped. The decimal digits of every script and full-width
/// letters stand for ASCII's. `None` stands for anything else.
pub(super) fn ascii(text: &str) -> impl Iterator<Item = Option<u8>> {
    text.chars().filter(|&symbol| !is_separator(symbol)).map(|symbol| match symbol {
        '\0'..='\x7f' => u8::try_from(symbol).ok(),
        '\u{ff21}'..='\u{ff3a}' => u8::try_from(symbol as u32 - 0xff21).ok().map(|at| b'A' + at),
        '\u{ff41}'..='\u{ff5a}' => u8::try_from(symbol as u32 - 0xff41).ok().map(|at| b'a' + at),
        _ => digit(symbol).map(|value| b'0' + value),
    })
}

/// Unicode's `White_Space`, `Dash` and `Default_Ignorable_Code_Point`.
fn is_separator(symbol: char) -> bool {
    symbol.is_whitespace()
        || matches!(
            symbol,
            '-' | '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}' | '\u{2010}'
                ..='\u{2015}'
                    | '\u{2053}'
                    | '\u{207b}'
                    | '\u{208b}'
                    | '\u{2212}'
                    | '\u{2e17}'
                    | '\u{2e1a}'
                    | '\u{2e3a}'
                    | '\u{2e3b}'
                    | '\u{2e40}'
                    | '\u{2e5d}'
                    | '\u{301c}'
                    | '\u{3030}'
                    | '\u{30a0}'
                    | '\u{fe31}'
                    | '\u{fe32}'
                    | '\u{fe58}'
                    | '\u{fe63}'
                    | '\u{ff0d}'
                    | '\u{10d6e}'
                    | '\u{10ead}'
        )
        || matches!(symbol, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The value of a decimal digit of any script.
fn digit(symbol: char) -> Option<u8> {
    let number = symbol as u32;
    let zero = ZEROS[..ZEROS.partition_point(|&zero| zero <= number)].last()?;
    u8::try_from(number - zero).ok().filter(|value| *value < 10)
}

#[cfg(test)]
mod tests {
    use regex_syntax::hir::{Class, HirKind};

    use super::*;

    /// All characters of a class, as another crate's tables of Unicode have it.
    fn class(pattern: &str) -> Vec<char> {
        match regex_syntax::parse(pattern).expect("a class").kind() {
            HirKind::Class(Class::Unicode(class)) => {
                class.iter().flat_map(|range| range.start()..=range.end()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn separators_are_those_of_unicode() {
        let ours: Vec<char> = ('\0'..=char::MAX).filter(|&symbol| is_separator(symbol)).collect();
        assert_eq!(ours, class(r"[\p{White_Space}\p{Dash}\p{Default_Ignorable_Code_Point}]"));
    }

    #[test]
    fn digits_are_those_of_unicode() {
        let ours: Vec<char> =
            ('\0'..=char::MAX).filter(|&symbol| digit(symbol).is_some()).collect();
        let theirs = class(r"\p{Nd}");
        assert_eq!(ours, theirs);
        // They come in tens, from zero to nine.
        for (place, symbol) in theirs.iter().enumerate() {
            assert_eq!(digit(*symbol).map(usize::from), Some(place % 10), "{symbol:?}");
        }
    }
}
