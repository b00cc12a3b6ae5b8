/** eventlet's module `db_pool`. */
export {
  ConnectionPool,
  ConnectionRegistry as DatabaseConnector,
  ConnectTimeout,
} from "../../../green/mod.ts";
