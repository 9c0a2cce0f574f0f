import Foundation

/// A file in an archive, as the directory at its end has it (APPNOTE.TXT 4.3.12).
struct ZIPEntry: Codable, Sendable, Hashable {
  var name: String
  var checksum: UInt32
  var compressedSize: Int64
  var size: Int64
  /// Where its header stands.
  var offset: Int64
  var modifiedAt: Date

  enum CodingKeys: String, CodingKey {
    case name, checksum, size, offset
    case compressedSize = "compressed_size"
    case modifiedAt = "modified_at"
  }
}

/// Writes an archive from its beginning to its end (ZIP, APPNOTE.TXT 6.3): every file deflated, its sizes behind it.
/// Between two files it is no more than ``entries`` and ``offset``, so that another process can go on with it there.
///
/// No ZIP64: archives are far below 4 GiB, and so is each file; ``ZIPEntry/greatestSize`` is the caller's to keep.
struct ZIPArchive {
  private(set) var entries: [ZIPEntry]
  /// How many bytes were written, those in ``output`` among them.
  private(set) var offset: Int64
  /// What was written and not taken yet.
  private(set) var output: [UInt8] = []
  private var open: (entry: ZIPEntry, deflater: Deflater)?

  /// - Parameters: what was written before, up to the end of a file.
  init(entries: [ZIPEntry] = [], offset: Int64 = 0) {
    self.entries = entries
    self.offset = offset
  }

  /// Bytes of the open file so far.
  var openSize: Int64 { open?.deflater.taken ?? 0 }

  /// At most so many bytes of what was written, and takes them out.
  mutating func take(atMost count: Int) -> [UInt8] {
    let piece = Array(output.prefix(count))
    output.removeFirst(piece.count)
    return piece
  }

  mutating func begin(_ name: String, at time: Date) throws {
    precondition(open == nil, "a file is open")
    let entry = ZIPEntry(
      name: name, checksum: 0, compressedSize: 0, size: 0, offset: offset, modifiedAt: time)
    open = (entry, try Deflater())
    var header: [UInt8] = []
    header.append(little: 0x0403_4B50 as UInt32)
    header.append(little: 20 as UInt16)
    header += Self.fields(entry)
    header.append(little: UInt16(name.utf8.count))
    header.append(little: 0 as UInt16)
    append(header + Array(name.utf8))
  }

  mutating func write(_ bytes: [UInt8]) throws { try deflate(bytes, ends: false) }

  mutating func write(_ text: String) throws { try write(Array(text.utf8)) }

  mutating func end() throws {
    try deflate([], ends: true)
    guard let (opened, deflater) = open else { return }
    var entry = opened
    (entry.checksum, entry.compressedSize, entry.size) = (deflater.checksum, deflater.given, deflater.taken)
    open = nil
    entries.append(entry)
    var descriptor: [UInt8] = []
    descriptor.append(little: 0x0807_4B50 as UInt32)
    descriptor.append(little: entry.checksum)
    descriptor.append(little: UInt32(entry.compressedSize))
    descriptor.append(little: UInt32(entry.size))
    append(descriptor)
  }

  /// The directory, and with it the end.
  mutating func finish() {
    let start = offset
    for entry in entries {
      var header: [UInt8] = []
      header.append(little: 0x0201_4B50 as UInt32)
      // Made on Unix, whose permissions follow: for their owner alone.
      header.append(little: 0x031E as UInt16)
      header.append(little: 20 as UInt16)
      header += Self.fields(entry)
      header.append(little: UInt16(entry.name.utf8.count))
      for _ in 0..<4 { header.append(little: 0 as UInt16) }
      header.append(little: UInt32(0o100600) << 16)
      header.append(little: UInt32(entry.offset))
      append(header + Array(entry.name.utf8))
    }
    let size = offset - start
    var end: [UInt8] = []
    end.append(little: 0x0605_4B50 as UInt32)
    end.append(little: 0 as UInt32)
    end.append(little: UInt16(entries.count))
    end.append(little: UInt16(entries.count))
    end.append(little: UInt32(size))
    end.append(little: UInt32(start))
    end.append(little: 0 as UInt16)
    append(end)
  }

  private mutating func deflate(_ bytes: [UInt8], ends: Bool) throws {
    guard let deflater = open?.deflater else { preconditionFailure("no file is open") }
    let before = output.count
    try deflater.deflate(bytes, ends: ends, into: &output)
    offset += Int64(output.count - before)
  }

  private mutating func append(_ bytes: [UInt8]) {
    output += bytes
    offset += Int64(bytes.count)
  }

  /// What both headers have in common: flags, method, time, and the sizes, which are 0 before the file is there.
  private static func fields(_ entry: ZIPEntry) -> [UInt8] {
    var fields: [UInt8] = []
    // Sizes follow the data (bit 3); the name is UTF-8 (bit 11).
    fields.append(little: 0x0808 as UInt16)
    fields.append(little: 8 as UInt16)
    let (time, date) = dosTime(entry.modifiedAt)
    fields.append(little: time)
    fields.append(little: date)
    fields.append(little: entry.checksum)
    fields.append(little: UInt32(entry.compressedSize))
    fields.append(little: UInt32(entry.size))
    return fields
  }

  /// In UTC, in steps of two seconds, from 1980 on.
  private static func dosTime(_ date: Date) -> (time: UInt16, date: UInt16) {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
    let year = min(max(parts.year ?? 1980, 1980), 2107) - 1980
    return (
      UInt16((parts.hour ?? 0) << 11 | (parts.minute ?? 0) << 5 | (parts.second ?? 0) / 2),
      UInt16(year << 9 | (parts.month ?? 1) << 5 | (parts.day ?? 1))
    )
  }
}

extension [UInt8] {
  fileprivate mutating func append(little value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
