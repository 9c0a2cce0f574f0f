/// What others may know of the console: no port that anybody has to know, no database.
public enum ConsoleAPI {
  /// Where the service is found.
  public static let service = "console"
  /// Everything of the console is beneath this.
  public static let root = "/console/"
  /// What a gateway routes here, for everybody: the pages hold nothing that is anybody's. The first sends whoever asks
  /// for `/` to the console.
  public static let paths = ["/", "/console", "/console/**"]
}
