extension Rule {
    static let tracing: [Rule] = []
}
