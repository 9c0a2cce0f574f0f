/// The fields that both sides know from the beginning (RFC 7541 §2.3.1 and Appendix A).
struct HPACKStaticTable: Sendable {
  static let shared = HPACKStaticTable()

  struct Field: Sendable {
    let name: StaticString
    let value: StaticString

    init(_ name: StaticString, _ value: StaticString = "") {
      self.name = name
      self.value = value
    }
  }

  /// The field of index 1 is the first here.
  static let fields: [Field] = [
    Field(":authority"), Field(":method", "GET"), Field(":method", "POST"), Field(":path", "/"),
    Field(":path", "/index.html"), Field(":scheme", "http"), Field(":scheme", "https"), Field(":status", "200"),
    Field(":status", "204"), Field(":status", "206"), Field(":status", "304"), Field(":status", "400"),
    Field(":status", "404"), Field(":status", "500"), Field("accept-charset"),
    Field("accept-encoding", "gzip, deflate"), Field("accept-language"), Field("accept-ranges"), Field("accept"),
    Field("access-control-allow-origin"), Field("age"), Field("allow"), Field("authorization"),
    Field("cache-control"), Field("content-disposition"), Field("content-encoding"), Field("content-language"),
    Field("content-length"), Field("content-location"), Field("content-range"), Field("content-type"),
    Field("cookie"), Field("date"), Field("etag"), Field("expect"), Field("expires"), Field("from"), Field("host"),
    Field("if-match"), Field("if-modified-since"), Field("if-none-match"), Field("if-range"),
    Field("if-unmodified-since"), Field("last-modified"), Field("link"), Field("location"), Field("max-forwards"),
    Field("proxy-authenticate"), Field("proxy-authorization"), Field("range"), Field("referer"), Field("refresh"),
    Field("retry-after"), Field("server"), Field("set-cookie"), Field("strict-transport-security"),
    Field("transfer-encoding"), Field("user-agent"), Field("vary"), Field("via"), Field("www-authenticate"),
  ]

  /// The highest index of this table; those of the dynamic one follow (§2.3.3).
  static let count = 61

  /// The octets of both, from index 1; they live as long as the program.
  private let fields: [Field]
  /// Where a name's first field is, by the name's hash and then onwards; 0 ends the search.
  private let places: [UInt8]
  private static let placeMask = 511

  private init() {
    fields = Self.fields
    var places = [UInt8](repeating: 0, count: Self.placeMask + 1)
    for (offset, field) in fields.enumerated() {
      if offset > 0, fields[offset - 1].name.octets.isEqual(to: field.name.octets) { continue }
      var place = Int(truncatingIfNeeded: HPACKHash.name(field.name.octets)) & Self.placeMask
      while places[place] != 0 { place = (place + 1) & Self.placeMask }
      places[place] = UInt8(offset + 1)
    }
    self.places = places
  }

  /// - Parameter index: From 1 to ``count``.
  @inline(__always)
  func name(at index: Int) -> UnsafeRawBufferPointer { fields[index - 1].name.octets }

  /// - Parameter index: From 1 to ``count``.
  @inline(__always)
  func value(at index: Int) -> UnsafeRawBufferPointer { fields[index - 1].value.octets }

  /// The lowest index that has the name, or nil.
  ///
  /// - Parameter hash: What ``HPACKHash/name(_:)`` makes of the name.
  @inline(__always)
  func index(ofName name: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
    var place = Int(truncatingIfNeeded: hash) & Self.placeMask
    while places[place] != 0 {
      let index = Int(places[place])
      if self.name(at: index).isEqual(to: name) { return index }
      place = (place + 1) & Self.placeMask
    }
    return nil
  }

  /// The index that has the value too, or nil.
  ///
  /// - Parameter index: The lowest one of the name; others with the name follow it.
  @inline(__always)
  func index(ofValue value: UnsafeRawBufferPointer, from index: Int) -> Int? {
    // A name whose first field has no value has no other field.
    guard self.value(at: index).count > 0 else { return value.isEmpty ? index : nil }
    let name = self.name(at: index)
    var candidate = index
    repeat {
      if self.value(at: candidate).isEqual(to: value) { return candidate }
      candidate += 1
    } while self.name(at: candidate).isEqual(to: name)
    return nil
  }
}

extension StaticString {
  @inline(__always)
  fileprivate var octets: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
