import AsyncHTTPClient
import AuthAPI
import Foundation
import GravityContracts
import GravityDiscovery
import GravityHTTP
import GravityIdentity
import GravityTelemetry
import Hummingbird
import HummingbirdTesting
import Logging
import Testbed
import Testing
import UserAPI
@testable import UserServer

@Suite struct AdministrationTests {
  @Test(
    "only who may read users lists them, and pages stay put while users come and change", arguments: Engine.available)
  func list(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      var people: [UserFixture.Person] = []
      for number in 0..<7 {
        people.append(users.person("p\(number)@example.org", name: "Person \(number)"))
        _ = try await users.me(people[number])
      }
      #expect(try await users.send(UserAPI.users).status == 401)
      #expect(try await users.send(UserAPI.users, token: people[0].token).status == 403)
      let one = "/api/v1/users/\(people[0].id.lowercased)"
      #expect(try await users.send(UserAPI.user, one, token: people[1].token).status == 403)
      let root = users.administrator
      var (seen, cursor) = ([UUID](), String?.none)
      repeat {
        let query = "?limit=3" + (cursor.map { "&cursor=\($0)" } ?? "")
        let page = try await users.send(UserAPI.users, "/api/v1/users" + query, token: root).value
        seen += page.items.map(\.id)
        cursor = page.nextCursor?.description
        // Those already seen change, and somebody comes.
        _ = try await users.send(UserAPI.updateProfile, nil, ["display_name": "Changed"], token: people[0].token)
        if seen.count == 3 { _ = try await users.me(users.person("late@example.org")) }
      } while cursor != nil
      #expect(Array(seen.prefix(7)) == people.map(\.id) && seen.count == 8 && Set(seen).count == 8)
      #expect(try await users.send(UserAPI.user, one, token: root).value.displayName == "Changed")
      #expect(try await users.send(UserAPI.user, "/api/v1/users/\(UUID().lowercased)", token: root).status == 404)
      #expect(try await users.send(UserAPI.user, "/api/v1/users/nobody", token: root).status == 422)
      let unheard = users.person("unheard@example.org")
      let found = try await users.send(UserAPI.user, "/api/v1/users/\(unheard.id.lowercased)", token: root)
      #expect(try found.value.email == "unheard@example.org")
    }
  }

  @Test("users are found by beginnings of words, by address and by state", arguments: Engine.available)
  func search(_ engine: Engine) async throws {
    try await UserFixture.run(on: engine) { users in
      let jose = users.person("jose.garcia@example.org", name: "José García")
      let joan = users.person("joan@example.com", name: "Joan Ohm")
      let cjk = users.person("li@example.cn", name: "李 小龙")
      for person in [jose, joan, cjk] { _ = try await users.me(person) }
      _ = try await users.send(UserAPI.updateProfile, nil, ["family_name": "O'Brien-Smith"], token: joan.token)
      _ = try await users.askErasure(of: cjk)
      let root = users.administrator
      func found(_ query: [String: String]) async throws -> [UUID] {
        var url = URLComponents()
        url.queryItems = query.map { URLQueryItem(name: $0, value: $1) }
        let text = try #require(url.percentEncodedQuery)
        let reply = try await users.send(UserAPI.users, "/api/v1/users?\(text)", token: root)
        #expect(reply.status == 200, "\(query) \(reply.text)")
        return try reply.value.items.map(\.id)
      }
      #expect(try await found(["q": "jo"]) == [jose.id, joan.id])
      #expect(try await found(["q": "JOSE garc"]) == [jose.id])
      #expect(try await found(["q": "jose.garcia@ex"]) == [jose.id])
      #expect(try await found(["q": "smith"]) == [joan.id])
      #expect(try await found(["q": "李"]) == [cjk.id])
      #expect(try await found(["q": "arcia"]).isEmpty, "words are found by their beginning")
      #expect(try await users.send(UserAPI.users, "/api/v1/users?q=%25", token: root).status == 422)
      #expect(try await found(["email": " JOAN@Example.com"]) == [joan.id])
      #expect(try await found(["email": "' OR 1=1 --@x"]).isEmpty)
      #expect(try await found(["status": "pending_deletion"]) == [cjk.id])
      #expect(try await found(["status": "active", "q": "jo"]) == [jose.id, joan.id])
      _ = try await users.send(UserAPI.updateProfile, nil, ["family_name": NSNull()], token: joan.token)
      #expect(try await found(["q": "smith"]).isEmpty, "what is gone is not found")
      for query in [
        "q=", "q=---", "q=a+b+c+d+e+f", "status=dead", "email=x", "q=\(String(repeating: "x", count: 400))",
      ] {
        #expect(try await users.send(UserAPI.users, "/api/v1/users?\(query)", token: root).status == 422, "\(query)")
      }
    }
  }

  @Test("every path serves what is declared, and me is not an id", arguments: [Engine.sqlite])
  func routes(_ engine: Engine) async throws {
    #expect(OpenAPI(title: "user", version: "1", endpoints: UserAPI.endpoints).unknownTypes == [])
    let document = try OpenAPI(title: "user", version: "1", endpoints: UserAPI.endpoints).encoded()
    #expect(String(decoding: document, as: UTF8.self).contains("\"default_shipping\""))
    let names = (AuthAPI.endpoints + UserAPI.endpoints).map(\.name)
    #expect(Set(names).count == names.count, "the gateway's document has both")
    #expect(Set(UserEvents.all.map(\.name)).count == UserEvents.all.count)
    #expect(Set(UserEvents.all.map(\.family)) == ["user", "team", "export"])
    try await UserFixture.run(on: engine) { users in
      let alice = users.person("alice@example.org")
      #expect(try await users.me(alice).status == 200)
      let wrong = try await users.send(UserAPI.restoreProfile, "/api/v1/users/me", token: alice.token)
      #expect(wrong.status == 405 && wrong.headers[.init("Allow")!] == "DELETE, GET, PATCH")
      #expect(try await users.send(UserAPI.profile, "/api/v1/users/me/nothing", token: alice.token).status == 404)
    }
  }

  @Test("auth is asked with a service token that may read accounts")
  func remote() async throws {
    let masterKey = MasterKey()
    let known = Account(
      id: .v7(), email: "a@example.org", name: "A", status: .suspended, roles: [], version: 7, createdAt: Date(),
      updatedAt: Date())
    let verifier = JWTVerifier(
      issuers: [try await .services(masterKey: masterKey)], revocations: RevocationList(maximumAge: nil))
    var routes = Routes(Routes.Settings(verifier: verifier))
    routes.on(AuthAPI.account) { request, _ in
      guard request.id == known.id else { throw Problem.notFound("account") }
      return known
    }
    routes.on(AuthAPI.accountSecurity) { _, _ in
      AccountSecurity(
        emailVerified: true, hasPassword: true, hasSecondFactor: false, passkeys: 1,
        stepUpMethods: [.password, .passkey], openSessions: 0, failedLogins: 0, blockedUntil: nil, apiKeys: [],
        consents: 0, changes: [])
    }
    let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let responder = try routes.build(
      declared: [AuthAPI.account, AuthAPI.accountSecurity],
      telemetry: HTTPTelemetry(logger: silent, metrics: PrometheusMetrics()))
    let application = Application(
      responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: silent)
    try await application.test(.live) { client in
      let port = try #require(client.port)
      let instances = InstanceSet(
        service: "auth", [ServiceInstance(id: "1", service: "auth", host: "127.0.0.1", port: port)])
      let signer = try await ServiceTokenSigner(service: "user", masterKey: masterKey)
      let permitted = EndpointClient(http: .shared, instances: instances) {
        try await signer.token(permissions: [RemoteAccountDirectory.permission])
      }
      let directory = RemoteAccountDirectory(auth: permitted)
      let found = try await directory.account(known.id)
      #expect(
        found
          == DirectoryAccount(id: known.id, email: "a@example.org", name: "A", status: .suspended, version: 7))
      #expect(try await directory.account(UUID()) == nil)
      #expect(try await directory.proofMethods(of: known.id) == [.password, .passkey])
      let powerless = RemoteAccountDirectory(
        auth: EndpointClient(http: .shared, instances: instances) { try await signer.token() })
      await #expect(throws: Problem.self) { try await powerless.account(known.id) }
      let nobody = RemoteAccountDirectory(
        auth: EndpointClient(http: .shared, instances: InstanceSet(service: "auth")))
      await #expect(throws: NoInstance.self) { try await nobody.account(known.id) }
    }
  }
}
