/** The version of the OCI runtime specification that is carried out. */
export const OCI_VERSION = "1.3.0";
