public import Foundation
import GravityContracts
public import GravityDiscovery
public import GravityPersonalData

/// The other services that hold personal data.
public protocol PersonalDataServices: Sendable {
  /// - Throws: when the service gives no answer.
  func inventory(of user: UUID, at service: String) async throws -> PersonalDataInventory
  /// - Throws: when the service gives no answer.
  func items(_ query: PersonalDataQuery, at service: String) async throws -> PersonalDataPage
}

/// Asks them over HTTP.
public struct RemotePersonalDataServices: PersonalDataServices {
  private let clients: [String: EndpointClient]

  /// - Parameter clients: by the service's name, with a service token.
  public init(_ clients: [String: EndpointClient]) { self.clients = clients }

  public func inventory(of user: UUID, at service: String) async throws -> PersonalDataInventory {
    try await client(service)(PersonalDataAPI.inventory(of: service), PersonalDataSubject(userID: user))
  }

  public func items(_ query: PersonalDataQuery, at service: String) async throws -> PersonalDataPage {
    try await client(service)(PersonalDataAPI.items(of: service), query, timeout: .seconds(15))
  }

  private func client(_ service: String) throws -> EndpointClient {
    guard let client = clients[service] else { throw UnknownService(name: service) }
    return client
  }

  private struct UnknownService: Error, CustomStringConvertible {
    var name: String
    var description: String { "no service \(name) is known here" }
  }
}
