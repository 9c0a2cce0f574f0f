import CXCrypt

#if canImport(Glibc)
  import Glibc
#endif

/// bcrypt by the system's libcrypt. Slow by design: call it on a thread that may be kept busy.
enum Bcrypt {
  /// What a hash says of itself.
  struct Parameters: Equatable {
    /// `2a`, `2b` or `2y`.
    var variant: Substring
    /// The binary logarithm of the rounds.
    var cost: Int

    /// nil unless `hash` is a whole bcrypt hash of 60 characters with a cost of 4 to 16; a greater cost would let
    /// an imported hash keep a thread busy for minutes.
    init?(_ hash: some StringProtocol) {
      let hash = Substring(hash)
      let bytes = Array(hash.utf8)
      guard bytes.count == 60, bytes[0] == UInt8(ascii: "$"), bytes[3] == UInt8(ascii: "$"),
        bytes[6] == UInt8(ascii: "$"), bytes[1] == UInt8(ascii: "2"), "aby".utf8.contains(bytes[2]),
        bytes[4...5].allSatisfy({ (48...57).contains($0) }),
        bytes[7...].allSatisfy(Self.isDigit)
      else { return nil }
      variant = hash.dropFirst().prefix(2)
      cost = Int(bytes[4] - 48) * 10 + Int(bytes[5] - 48)
      guard PasswordHasher.costs.contains(cost) else { return nil }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
        || byte == UInt8(ascii: "/")
    }
  }

  /// A new hash with a salt of its own.
  static func hash(_ password: String, cost: Int) throws(BcryptError) -> String {
    let setting: String? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 192) { buffer in
      crypt_gensalt_rn("$2b$", UInt(cost), nil, 0, buffer.baseAddress!, Int32(buffer.count)).map {
        String(cString: $0)
      }
    }
    guard let setting else { throw BcryptError() }
    return try hash(password, setting: setting)
  }

  /// The hash of `password` with the salt and cost of `setting`, which may be a whole hash.
  static func hash(_ password: String, setting: String) throws(BcryptError) -> String {
    let size = MemoryLayout<crypt_data>.size
    let hash: String? = withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { buffer in
      memset(buffer.baseAddress!, 0, size)
      // The scratch memory held the password's key schedule.
      defer { explicit_bzero(buffer.baseAddress!, size) }
      return crypt_rn(password, setting, buffer.baseAddress!, Int32(size)).map { String(cString: $0) }
    }
    guard let hash else { throw BcryptError() }
    return hash
  }
}

/// libcrypt refused: it has no bcrypt.
struct BcryptError: Error {}
