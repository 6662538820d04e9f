//! PNG, written out for pictures of few and often repeated lines, one bit a pixel.
//!
//! A general compressor first fills some hundred kilobytes of tables, which took three times
//! as long as the QR code itself. Here a byte is compared with the one before it and the one
//! above it only, and the picture is never put together: a line is compressed once, and its
//! repetitions are one long match (RFC 1950, RFC 1951; ISO/IEC 15948).

/// Shorter matches take more bits than the bytes they stand for: a byte is one or two bits.
const SHORTEST: usize = 6;
const LONGEST: usize = 258;
const END: usize = 256;
/// Modulus of Adler-32.
const ADLER: u64 = 65_521;

const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0_u32;
    while index < 256 {
        let (mut sum, mut bit) = (index, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[index as usize] = sum;
        index += 1;
    }
    table
};

/// A square greyscale picture: each line of pixels, packed, is drawn `repeat` times.
pub(super) fn encode(width: usize, lines: impl Iterator<Item = Vec<u8>>, repeat: usize) -> Vec<u8> {
    // At most 185 modules of 64 pixels.
    let side = u32::try_from(width).expect("a QR code is small").to_be_bytes();
    let header = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &zlib(lines, repeat));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).expect("a QR code is small");
    file.extend_from_slice(&length.to_be_bytes());
    let start = file.len();
    file.extend_from_slice(&kind);
    file.extend_from_slice(data);
    let sum = file[start..]
        .iter()
        .fold(u32::MAX, |sum, &byte| CRC[usize::from(byte ^ sum.to_le_bytes()[0])] ^ (sum >> 8));
    file.extend_from_slice(&(!sum).to_be_bytes());
}

/// What the compressed data say, one after the other.
enum Token {
    Byte(u8),
    /// So many bytes are those that stand so far before them.
    Match(usize, usize),
}

fn zlib(lines: impl Iterator<Item = Vec<u8>>, repeat: usize) -> Vec<u8> {
    let mut tokens = Vec::with_capacity(2048);
    let (mut low, mut high) = (1, 0);
    let (mut above, mut repeated): (Vec<u8>, usize) = (Vec::new(), 0);
    for pixels in lines {
        // No filter.
        let line = [&[0], &pixels[..]].concat();
        let length = line.len() as u64;
        let sum: u64 = line.iter().copied().map(u64::from).sum();
        let weighted: u64 =
            line.iter().zip((1..=length).rev()).map(|(&b, w)| u64::from(b) * w).sum();
        for _ in 0..repeat {
            high = (high + length * low + weighted) % ADLER;
            low = (low + sum) % ADLER;
        }
        if line == above {
            repeated += repeat * line.len();
            continue;
        }
        repetitions(&mut tokens, repeated, line.len());
        within(&mut tokens, &line, &above);
        repeated = (repeat - 1) * line.len();
        above = line;
    }
    repetitions(&mut tokens, repeated, above.len());
    let mut bits = Bits::default();
    bits.push(0x0178, 16); // deflate, a window of 32 kB, no dictionary
    deflate(&mut bits, &tokens);
    let mut data = bits.finish();
    for half in [high, low] {
        data.extend_from_slice(&half.to_be_bytes()[6..]);
    }
    data
}

/// The tokens for whole lines that are those above them.
fn repetitions(tokens: &mut Vec<Token>, mut left: usize, distance: usize) {
    while left > 0 {
        let mut length = left.min(LONGEST);
        if (1..3).contains(&(left - length)) {
            length -= 3; // two bytes are no match
        }
        tokens.push(Token::Match(length, distance));
        left -= length;
    }
}

/// The tokens of a new line.
fn within(tokens: &mut Vec<Token>, line: &[u8], above: &[u8]) {
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let rest = &line[at..line.len().min(at + LONGEST)];
        let run = at.checked_sub(1).map_or(0, |before| common(rest, &line[before..]));
        let same = above.get(at..).map_or(0, |above| common(rest, above));
        let (length, distance) = if run >= same { (run, 1) } else { (same, line.len()) };
        if length >= SHORTEST {
            tokens.push(Token::Match(length, distance));
            at += length;
        } else {
            tokens.push(Token::Byte(byte));
            at += 1;
        }
    }
}

/// How many bytes two texts begin with alike.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// A symbol, the number of its extra bits, and these.
type Coded = (usize, u32, usize);

fn length_code(length: usize) -> Coded {
    match length - 3 {
        255 => (285, 0, 0),
        length @ 0..8 => (257 + length, 0, 0),
        length => {
            let extra = length.ilog2() - 2;
            let symbol = 257 + 4 * extra as usize + (length >> extra);
            (symbol, extra, length & ((1 << extra) - 1))
        }
    }
}

fn distance_code(distance: usize) -> Coded {
    match distance - 1 {
        distance @ 0..4 => (distance, 0, 0),
        distance => {
            let extra = distance.ilog2() - 1;
            let symbol = 2 * extra as usize + (distance >> extra);
            (symbol, extra, distance & ((1 << extra) - 1))
        }
    }
}

/// One block with codes of its own: RFC 1951, section 3.2.7.
fn deflate(bits: &mut Bits, tokens: &[Token]) {
    let (mut symbols, mut distances) = ([0; 286], [0; 30]);
    symbols[END] = 1;
    for token in tokens {
        match *token {
            Token::Byte(byte) => symbols[usize::from(byte)] += 1,
            Token::Match(length, distance) => {
                symbols[length_code(length).0] += 1;
                distances[distance_code(distance).0] += 1;
            }
        }
    }
    let (symbols, distances) = (Code::new(&symbols, 15), Code::new(&distances, 15));
    header(bits, &symbols, &distances);
    for token in tokens {
        match *token {
            Token::Byte(byte) => symbols.push(bits, (byte.into(), 0, 0)),
            Token::Match(length, distance) => {
                symbols.push(bits, length_code(length));
                distances.push(bits, distance_code(distance));
            }
        }
    }
    symbols.push(bits, (END, 0, 0));
}

/// The two codes, by the lengths of their symbols; runs of absent ones are counted.
fn header(bits: &mut Bits, symbols: &Code, distances: &Code) {
    let mut coded: Vec<Coded> = Vec::new();
    for code in [symbols, distances] {
        let mut at = 0;
        while let Some(&length) = code.lengths.get(at) {
            let absent = code.lengths[at..].iter().take_while(|&&length| length == 0).count();
            match absent {
                0..3 => coded.push((length as usize, 0, 0)),
                3..11 => coded.push((17, 3, absent - 3)),
                _ => coded.push((18, 7, absent.min(138) - 11)),
            }
            at += if absent < 3 { 1 } else { absent.min(138) };
        }
    }
    let mut counts = [0; 19];
    for &(symbol, _, _) in &coded {
        counts[symbol] += 1;
    }
    let lengths = Code::new(&counts, 7);
    // The last block, with codes of its own, all of their lengths given.
    bits.push(0b101, 3);
    bits.push(286 - 257, 5);
    bits.push(30 - 1, 5);
    bits.push(19 - 4, 4);
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
        bits.push(lengths.lengths[symbol] as usize, 3);
    }
    for coded in coded {
        lengths.push(bits, coded);
    }
}

/// A prefix code: for each symbol its length in bits, 0 where it is absent, and its bits.
struct Code {
    lengths: Vec<u32>,
    codes: Vec<usize>,
}

impl Code {
    /// Huffman's code, no symbol longer than `limit`.
    fn new(counts: &[u32], limit: u32) -> Self {
        let mut counts = counts.to_vec();
        let lengths = loop {
            let lengths = huffman(&counts);
            if lengths.iter().all(|&length| length <= limit) {
                break lengths;
            }
            // Nearer to each other, they get more equal lengths.
            for count in counts.iter_mut().filter(|count| **count > 0) {
                *count = count.div_ceil(2);
            }
        };
        // How many symbols have each length, and from that the first code of each.
        let mut next = [0_usize; 17];
        for &length in &lengths {
            next[length as usize + 1] += usize::from(length > 0);
        }
        for length in 1..next.len() {
            next[length] = (next[length - 1] + next[length]) << 1;
        }
        let codes = lengths.iter().map(|&length| {
            let code = next[length as usize];
            next[length as usize] += 1;
            // The bits of a code come highest first, all else lowest first.
            code.reverse_bits().checked_shr(usize::BITS - length).unwrap_or(0)
        });
        let codes = codes.collect();
        Self { lengths, codes }
    }

    fn push(&self, bits: &mut Bits, (symbol, extra, value): Coded) {
        bits.push(self.codes[symbol], self.lengths[symbol]);
        bits.push(value, extra);
    }
}

/// The lengths of Huffman's code for symbols that occur so often.
fn huffman(counts: &[u32]) -> Vec<u32> {
    let mut lengths = vec![0; counts.len()];
    let mut trees: Vec<(u32, Vec<usize>)> = (0..counts.len())
        .filter(|&symbol| counts[symbol] > 0)
        .map(|symbol| (counts[symbol], vec![symbol]))
        .collect();
    if let [(_, only)] = &trees[..] {
        lengths[only[0]] = 1;
    }
    while trees.len() > 1 {
        trees.sort_by_key(|tree| std::cmp::Reverse(tree.0));
        let [mut joined, other] = [trees.pop(), trees.pop()].map(Option::unwrap_or_default);
        joined.0 += other.0;
        joined.1.extend(other.1);
        for &symbol in &joined.1 {
            lengths[symbol] += 1;
        }
        trees.push(joined);
    }
    lengths
}

/// Bits, the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: usize,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: usize, count: u32) {
        self.waiting |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.waiting.to_le_bytes()[0]);
            self.waiting >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0, (8 - self.count % 8) % 8);
        self.bytes
    }
}
