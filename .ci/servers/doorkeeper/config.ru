# Debian's ruby-doorkeeper on loopback, under puma, in a SQLite file: client credentials and two resources.
# FULL_SECRET, NARROW_SECRET, FOREIGN_SECRET and DATA, the folder of the database, come from the environment.
require "active_record/railtie"
require "action_controller/railtie"
require "doorkeeper"

READ = "organization:read"
WRITE = "organization:write"
CLIENTS = {
  "ct-full" => ["FULL_SECRET", "acme", "#{READ} #{WRITE}"],
  "ct-narrow" => ["NARROW_SECRET", "acme", READ],
  "ct-foreign" => ["FOREIGN_SECRET", "globex", "#{READ} #{WRITE}"],
}.freeze
ENV["DATABASE_URL"] = "sqlite3:#{ENV.fetch("DATA")}/db.sqlite"

class Server < Rails::Application
  config.load_defaults 7.2
  config.api_only = true
  config.eager_load = false
  config.enable_reloading = false
  config.consider_all_requests_local = false
  config.hosts.clear
  config.secret_key_base = SecureRandom.hex(32)
  config.logger = Logger.new($stdout, level: Logger::WARN)
  config.root = __dir__
end

Doorkeeper.configure do
  orm :active_record
  api_only
  base_controller "ActionController::API"
  grant_flows %w[client_credentials]
  default_scopes READ
  optional_scopes WRITE
  enforce_configured_scopes
  hash_token_secrets
  hash_application_secrets
  handle_auth_errors :render
end

class ResourcesController < ActionController::API
  before_action -> { doorkeeper_authorize! READ }, only: :read
  before_action -> { doorkeeper_authorize! WRITE }, only: :write

  def read
    own = CLIENTS.fetch(doorkeeper_token.application.uid)[1] == "acme"
    own ? render(json: { slug: "acme" }) : render(json: { error: "forbidden" }, status: :forbidden)
  end
  alias write read
end

Server.initialize!
Rails.application.routes.draw do
  use_doorkeeper { skip_controllers :authorizations, :applications, :authorized_applications }
  get "/api/org", to: "resources#read"
  get "/api/org-write", to: "resources#write"
end

ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :oauth_applications, force: true do |t|
    t.string :name, null: false
    t.string :uid, null: false, index: { unique: true }
    t.string :secret, null: false
    t.text :redirect_uri
    t.string :scopes, null: false, default: ""
    t.boolean :confidential, null: false, default: true
    t.timestamps null: false
  end
  create_table :oauth_access_tokens, force: true do |t|
    t.references :resource_owner
    t.references :application, null: false
    t.string :token, null: false, index: { unique: true }
    t.string :refresh_token
    t.integer :expires_in
    t.string :scopes
    t.datetime :created_at, null: false
    t.datetime :revoked_at
    t.string :previous_refresh_token, null: false, default: ""
  end
end
CLIENTS.each do |uid, (secret, _, scopes)|
  Doorkeeper::Application.create!(name: uid, uid: uid, secret: Doorkeeper::SecretStoring::Sha256Hash.transform_secret(ENV.fetch(secret)), scopes: scopes, redirect_uri: "")
end
run Rails.application
