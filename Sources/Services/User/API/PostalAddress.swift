public import Foundation
public import GravityContracts

/// Where something is sent, or a bill goes. Texts are trimmed and kept in NFC; control characters are refused.
public struct PostalAddress: Codable, Sendable, Hashable, EntityTagged {
  public var id: UUID
  /// Who lives there.
  public var name: String
  public var company: String?
  public var line1: String
  public var line2: String?
  /// nil only in countries that are one city, such as Singapore.
  public var city: String?
  /// An ISO 3166-2 code (`US-CA`) in countries whose regions this service knows, else as it was written.
  public var region: String?
  /// As the country writes it: `SW1A 1AA`, `100-0001`.
  public var postalCode: String?
  /// ISO 3166-1 alpha-2; also XK, which is not in the standard and in everybody's address book.
  public var country: String
  /// E.164.
  public var phone: String?
  public var defaultShipping: Bool
  public var defaultBilling: Bool
  /// Counts up with every change, also when another address becomes the default; the ETag is made of it.
  public var version: Int64
  public var createdAt: Date
  public var updatedAt: Date

  public init(
    id: UUID, name: String, company: String?, line1: String, line2: String?, city: String?, region: String?,
    postalCode: String?, country: String, phone: String?, defaultShipping: Bool, defaultBilling: Bool, version: Int64,
    createdAt: Date, updatedAt: Date
  ) {
    self.id = id
    self.name = name
    self.company = company
    self.line1 = line1
    self.line2 = line2
    self.city = city
    self.region = region
    self.postalCode = postalCode
    self.country = country
    self.phone = phone
    self.defaultShipping = defaultShipping
    self.defaultBilling = defaultBilling
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  public var entityTag: EntityTag { EntityTag(version: version) }

  enum CodingKeys: String, CodingKey {
    case id, name, company, line1, line2, city, region, country, phone, version
    case postalCode = "postal_code"
    case defaultShipping = "default_shipping"
    case defaultBilling = "default_billing"
    case createdAt = "created_at"
    case updatedAt = "updated_at"
  }
}

public struct NewPostalAddress: Codable, Sendable {
  /// 1 to 100 characters, as `company` and `city`; lines and a written region have up to 200.
  public var name: String
  public var company: String?
  public var line1: String
  public var line2: String?
  public var city: String?
  /// `CA` or `US-CA`, where the country's regions are known.
  public var region: String?
  /// In any case and spacing; at most 20 characters.
  public var postalCode: String?
  public var country: String
  public var phone: String?
  /// The first address is a default whatever this says.
  public var defaultShipping: Bool?
  public var defaultBilling: Bool?

  public init(
    name: String, company: String? = nil, line1: String, line2: String? = nil, city: String? = nil,
    region: String? = nil, postalCode: String? = nil, country: String, phone: String? = nil,
    defaultShipping: Bool? = nil, defaultBilling: Bool? = nil
  ) {
    self.name = name
    self.company = company
    self.line1 = line1
    self.line2 = line2
    self.city = city
    self.region = region
    self.postalCode = postalCode
    self.country = country
    self.phone = phone
    self.defaultShipping = defaultShipping
    self.defaultBilling = defaultBilling
  }

  enum CodingKeys: String, CodingKey {
    case name, company, line1, line2, city, region, country, phone
    case postalCode = "postal_code"
    case defaultShipping = "default_shipping"
    case defaultBilling = "default_billing"
  }
}

public struct PostalAddressID: Codable, Sendable {
  public var id: UUID
  public init(id: UUID) { self.id = id }
}

/// What is left out stays; null takes away what may be missing.
public struct PostalAddressUpdate: Codable, Sendable {
  public var id: UUID
  public var name: Patch<String>
  public var company: Patch<String>
  public var line1: Patch<String>
  public var line2: Patch<String>
  public var city: Patch<String>
  public var region: Patch<String>
  public var postalCode: Patch<String>
  public var country: Patch<String>
  public var phone: Patch<String>
  /// true takes it from the address that has it; a default is not given up but given to another.
  public var defaultShipping: Patch<Bool>
  public var defaultBilling: Patch<Bool>

  public init(
    id: UUID, name: Patch<String> = .absent, company: Patch<String> = .absent, line1: Patch<String> = .absent,
    line2: Patch<String> = .absent, city: Patch<String> = .absent, region: Patch<String> = .absent,
    postalCode: Patch<String> = .absent, country: Patch<String> = .absent, phone: Patch<String> = .absent,
    defaultShipping: Patch<Bool> = .absent, defaultBilling: Patch<Bool> = .absent
  ) {
    self.id = id
    self.name = name
    self.company = company
    self.line1 = line1
    self.line2 = line2
    self.city = city
    self.region = region
    self.postalCode = postalCode
    self.country = country
    self.phone = phone
    self.defaultShipping = defaultShipping
    self.defaultBilling = defaultBilling
  }

  enum CodingKeys: String, CodingKey {
    case id, name, company, line1, line2, city, region, country, phone
    case postalCode = "postal_code"
    case defaultShipping = "default_shipping"
    case defaultBilling = "default_billing"
  }
}
