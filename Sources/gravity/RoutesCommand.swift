import ArgumentParser
import Foundation
import GravityContracts

struct RoutesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "routes", abstract: "List every endpoint: who may call it, and which service serves it.")

  func run() {
    for entry in Catalog.services {
      for endpoint in entry.endpoints.sorted(by: { ($0.path, $0.method.rawValue) < ($1.path, $1.method.rawValue) }) {
        let method = endpoint.method.rawValue.padding(toLength: 7, withPad: " ", startingAt: 0)
        let path = endpoint.path.padding(toLength: 40, withPad: " ", startingAt: 0)
        print(
          "\(method)\(path) \(entry.name.padding(toLength: 8, withPad: " ", startingAt: 0)) \(describe(endpoint.access))"
        )
      }
    }
  }

  private func describe(_ access: Access) -> String {
    switch access {
    case .public: "public"
    case .authenticated: "authenticated"
    case .permission(let permission): "permission \(permission)"
    case .service: "services only"
    }
  }
}
