//! Text to QR code, and the code to SVG, PNG, a terminal or a `data:` URI.
//!
//! A pure leaf. Error correction is level M (15 %), falling back to L when the text
//! needs it; the quiet zone is the standard's four modules.

use std::fmt::Write as _;
use std::ops::Range;

use data_encoding::BASE64;
use fast_qr::{ECL, QRBuilder, QRCode};

/// Light modules around the code: ISO/IEC 18004 asks for four.
const QUIET_ZONE: usize = 4;
/// What every scanner still finds the code by, where there is no room for more.
#[cfg(feature = "admin")]
const NARROW_QUIET_ZONE: usize = 2;
/// Of any kind, in version 40 at level L.
const MOST_BYTES: usize = 2953;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QrError {
    /// Nothing to show.
    #[error("cannot make a QR code from an empty text")]
    Empty,
    /// More than version 40-L's 2953 bytes.
    #[error("the text is too long for a QR code: {0} bytes, at most 2953 fit")]
    TooLong(usize),
    /// The picture's scale is not in `1..=64` pixels a module.
    #[error("invalid scale: {0} is not between 1 and 64 pixels a module")]
    InvalidScale(u64),
}

/// A QR code, ready to be drawn.
///
/// `Debug` shows its size only: the code says all that its text says.
#[derive(Clone)]
pub struct Qr(QRCode);

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr({0}x{0} modules)", self.0.size)
    }
}

impl Qr {
    /// Encodes a text.
    ///
    /// # Errors
    /// [`QrError::Empty`] and [`QrError::TooLong`].
    pub fn new(text: &str) -> Result<Self, QrError> {
        if text.is_empty() {
            return Err(QrError::Empty);
        }
        let encoded = |level| QRBuilder::new(text).ecl(level).build();
        match encoded(ECL::M).or_else(|_| encoded(ECL::L)) {
            Ok(code) => Ok(Self(code)),
            Err(_) => Err(QrError::TooLong(text.len())),
        }
    }

    /// Whether a text fits, without drawing it: what every text of up to 2953 bytes does.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn check(text: &str) -> Result<(), QrError> {
        match text.len() {
            1..=MOST_BYTES => Ok(()),
            // Digits and capitals take less room.
            _ => Self::new(text).map(drop),
        }
    }

    /// The picture's width and height in modules, quiet zone included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size + 2 * QUIET_ZONE
    }

    /// Whether the module is dark; the quiet zone and all outside it are light.
    #[must_use]
    pub fn is_dark(&self, row: usize, column: usize) -> bool {
        let inside = QUIET_ZONE..QUIET_ZONE + self.0.size;
        inside.contains(&row)
            && inside.contains(&column)
            && self.0[row - QUIET_ZONE][column - QUIET_ZONE].value()
    }

    /// The runs of dark modules in a row, from left to right.
    fn dark_runs(&self, row: usize) -> impl Iterator<Item = Range<usize>> {
        let inside = (QUIET_ZONE..QUIET_ZONE + self.0.size).contains(&row);
        let modules = if inside { &self.0[row - QUIET_ZONE][..self.0.size] } else { &[] };
        let mut from = 0;
        std::iter::from_fn(move || {
            let start = from + modules[from..].iter().position(|module| module.value())?;
            let length = modules[start..].iter().position(|module| !module.value());
            from = length.map_or(modules.len(), |length| start + length);
            Some(start + QUIET_ZONE..from + QUIET_ZONE)
        })
    }

    /// A stand-alone SVG document, one unit per module: black on white, to be scaled
    /// freely. Each run of dark modules is one piece of a single path.
    #[must_use]
    pub fn svg(&self) -> String {
        let size = self.size();
        // About nine characters a run, and a run every four modules.
        let mut svg = String::with_capacity(300 + size * size * 9 / 4);
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" \
             role=\"img\" aria-label=\"QR code\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path d=\""
        );
        for row in 0..size {
            for run in self.dark_runs(row) {
                svg.push('M');
                push_number(&mut svg, run.start);
                svg.push(' ');
                push_number(&mut svg, row);
                svg.push('h');
                push_number(&mut svg, run.len());
                svg.push_str("v1h-");
                push_number(&mut svg, run.len());
                svg.push('z');
            }
        }
        svg.push_str("\"/></svg>");
        svg
    }

    /// A PNG, one bit per pixel, `scale` pixels a module.
    ///
    /// # Errors
    /// [`QrError::InvalidScale`] unless `scale` is in `1..=64`.
    pub fn png(&self, scale: u64) -> Result<Vec<u8>, QrError> {
        let Ok(pixels @ 1..=64) = usize::try_from(scale) else {
            return Err(QrError::InvalidScale(scale));
        };
        let width = self.size() * pixels;
        let mut image = Vec::with_capacity(width * width.div_ceil(8));
        for row in 0..self.size() {
            let mut line = vec![0xff_u8; width.div_ceil(8)];
            for run in self.dark_runs(row) {
                darken(&mut line, run.start * pixels..run.end * pixels);
            }
            for _ in 0..pixels {
                image.extend_from_slice(&line);
            }
        }
        Ok(encode_png(width, &image))
    }

    /// `data:image/png;base64,...`, for an `<img>`: a picture that no other server
    /// ever sees.
    ///
    /// # Errors
    /// [`QrError::InvalidScale`] as in [`png`](Self::png).
    pub fn data_uri(&self, scale: u64) -> Result<String, QrError> {
        let png = self.png(scale)?;
        let mut uri = String::from("data:image/png;base64,");
        BASE64.encode_append(&png, &mut uri);
        Ok(uri)
    }

    /// Half-block characters, two modules a character. With `ansi`, escape codes
    /// set black on white, which scans whatever the terminal's colours; without,
    /// the light modules are drawn, which suits light text on a dark background.
    #[must_use]
    pub fn terminal(&self, ansi: bool) -> String {
        self.half_blocks(ansi, QUIET_ZONE)
    }

    /// A text's code for a terminal of so many rows, escape codes included. Where it would be
    /// too high, it goes without the error correction that paper needs and screens do not,
    /// then with a narrower quiet zone. That may still be too high: its lines tell.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[cfg(feature = "admin")]
    pub fn terminal_within(text: &str, rows: usize) -> Result<String, QrError> {
        let fits = |picture: &String| picture.lines().count() <= rows;
        let picture = Self::new(text)?.terminal(true);
        if fits(&picture) {
            return Ok(picture);
        }
        let low = QRBuilder::new(text).ecl(ECL::L).build();
        let low = low.map_or_else(|_| Err(QrError::TooLong(text.len())), |code| Ok(Self(code)))?;
        let picture = low.terminal(true);
        Ok(if fits(&picture) { picture } else { low.half_blocks(true, NARROW_QUIET_ZONE) })
    }

    /// The picture with `quiet` light modules around the code, at most [`QUIET_ZONE`].
    fn half_blocks(&self, ansi: bool, quiet: usize) -> String {
        let edge = QUIET_ZONE - quiet;
        let size = self.size() - edge;
        let mut text = String::with_capacity(size * size * 2);
        for row in (edge..size).step_by(2) {
            if ansi {
                text.push_str("\x1b[38;5;16;48;5;231m");
            }
            for column in edge..size {
                let upper = self.is_dark(row, column) == ansi;
                // The last line of an odd picture has nothing below it.
                let lower = row + 1 < size && self.is_dark(row + 1, column) == ansi;
                text.push(match (upper, lower) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                });
            }
            text.push_str(if ansi { "\x1b[0m\n" } else { "\n" });
        }
        text
    }
}

/// Appends a number of modules, at most 185. `write!` would take most of the picture's time.
fn push_number(text: &mut String, number: usize) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b"0123456789"[number % 10]));
}

/// Clears the bits of some pixels, the first of which is the highest bit.
fn darken(line: &mut [u8], pixels: Range<usize>) {
    let (first, last) = (pixels.start / 8, pixels.end / 8);
    let (before, within) = (!(0xff >> (pixels.start % 8)), 0xff >> (pixels.end % 8));
    if first == last {
        line[first] &= before | within;
        return;
    }
    line[first] &= before;
    line[first + 1..last].fill(0);
    if let Some(byte) = line.get_mut(last) {
        *byte &= within;
    }
}

/// A square greyscale image of one bit per pixel, packed, as a PNG file.
fn encode_png(width: usize, image: &[u8]) -> Vec<u8> {
    // At most 185 modules of 64 pixels.
    let side = u32::try_from(width).expect("a QR code is small");
    let mut file = Vec::with_capacity(2048);
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    // All lines of a module but the first are those above them: nothing is left of them. The
    // slower compressions save a kilobyte, and take longer than the QR code itself.
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().expect("a Vec takes every write");
    writer.write_image_data(image).expect("the image has the size in its header");
    writer.finish().expect("a Vec takes every write");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_limits() {
        assert_eq!(Qr::new("x").expect("short").size(), 21 + 8);
        assert_eq!(Qr::new(&"x".repeat(2953)).expect("fits").size(), 177 + 8);
        assert_eq!(Qr::new(&"x".repeat(2954)).expect_err("too long"), QrError::TooLong(2954));
        assert_eq!(Qr::new("").expect_err("empty"), QrError::Empty);
        let qr = Qr::new("x").expect("short");
        assert_eq!(qr.png(0).expect_err("scale"), QrError::InvalidScale(0));
        assert_eq!(qr.png(65).expect_err("scale"), QrError::InvalidScale(65));
    }

    #[test]
    fn what_fits_is_known_without_drawing() {
        for (text, times) in
            [("\u{1f600}", 738), ("y", 2331), ("y", 2332), ("\0", 2953), ("7", 7089)]
        {
            let text = text.repeat(times);
            assert_eq!(Qr::check(&text), Qr::new(&text).map(drop), "{} bytes", text.len());
            assert_eq!(Qr::check(&text), Ok(()));
        }
        for text in [String::new(), "y".repeat(2954), "7".repeat(7090)] {
            assert_eq!(Qr::check(&text), Qr::new(&text).map(drop), "{} bytes", text.len());
            assert!(Qr::check(&text).is_err());
        }
    }

    #[test]
    fn the_quiet_zone_is_light() {
        let qr = Qr::new("https://example.com").expect("short");
        for outside in 0..qr.size() {
            for margin in 0..4 {
                assert!(!qr.is_dark(margin, outside) && !qr.is_dark(outside, margin));
            }
        }
        assert!(qr.is_dark(4, 4), "the finder pattern starts in the corner");
    }

    fn check_each_pixel(text: &str, scale: u64) {
        let qr = Qr::new(text).expect("it fits");
        let file = std::io::Cursor::new(qr.png(scale).expect("in range"));
        let mut decoder = png::Decoder::new(file);
        decoder.ignore_checksums(false);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        let line = reader.next_frame(&mut pixels).expect("an image").line_size;
        reader.finish().expect("a whole file");
        let scale = usize::try_from(scale).expect("small");
        for (row, pixels) in pixels.chunks_exact(line).enumerate() {
            for column in 0..qr.size() * scale {
                let dark = pixels[column / 8] & (0x80 >> (column % 8)) == 0;
                assert_eq!(dark, qr.is_dark(row / scale, column / scale), "scale {scale}");
            }
        }
    }

    #[test]
    fn each_pixel_of_a_png_is_its_modules() {
        for scale in 1..=64 {
            check_each_pixel("x", scale);
        }
        for scale in [1, 2, 5, 8] {
            check_each_pixel("otpauth://totp/ACME:ana?secret=JBSWY3DPEHPK3PXP", scale);
            check_each_pixel(&"y".repeat(2953), scale);
        }
    }

    #[test]
    fn svg_and_terminal_draw_the_same_modules() {
        let qr = Qr::new("otpauth://totp/ACME:ana?secret=JBSWY3DPEHPK3PXP").expect("short");
        let mut drawn = vec![false; qr.size() * qr.size()];
        let svg = qr.svg();
        let path = svg.rsplit("d=\"").next().expect("a path");
        for piece in path.split('M').skip(1) {
            let numbers: Vec<usize> = piece
                .split(|character: char| !character.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [column, row, run, 1, back] = numbers[..] else { panic!("{piece}") };
            assert_eq!(run, back);
            drawn[row * qr.size() + column..][..run].fill(true);
        }
        let terminal: Vec<Vec<char>> =
            qr.terminal(false).lines().map(|line| line.chars().collect()).collect();
        for (index, &dark) in drawn.iter().enumerate() {
            let (row, column) = (index / qr.size(), index % qr.size());
            assert_eq!(dark, qr.is_dark(row, column));
            let lit = if row % 2 == 0 { "\u{2588}\u{2580}" } else { "\u{2588}\u{2584}" };
            assert_eq!(!dark, lit.contains(terminal[row / 2][column]));
        }
    }
}
